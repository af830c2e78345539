// Day and night colours: the tablet's setting, or the choice made here.

import { onTablet } from "../state/storage.ts";

export type Theme = "day" | "night";

const KEPT = "theme";
const watchers = new Set<(theme: Theme) => void>();
const dark = () => matchMedia("(prefers-color-scheme: dark)");

const kept = (): Theme | null => {
  const value = onTablet.get(KEPT);
  return value === "day" || value === "night" ? value : null;
};

export const theme = (): Theme => kept() ?? (dark().matches ? "night" : "day");

const show = (): void => {
  document.documentElement.dataset["theme"] = theme();
  for (const watcher of watchers) watcher(theme());
};

/** Colour the page, now and whenever the tablet changes from day to night. */
export function applyTheme(): void {
  show();
  dark().addEventListener("change", show);
}

export function chooseTheme(chosen: Theme): void {
  onTablet.set(KEPT, chosen);
  show();
}

export function onTheme(watcher: (theme: Theme) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
