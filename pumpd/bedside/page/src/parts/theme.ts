// Day and night colours: the tablet's setting, or the choice made here.

import { onTablet } from "../state/kept.ts";

export type Theme = "day" | "night";

const KEPT = "theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const watchers = new Set<(theme: Theme) => void>();

const kept = (): Theme | null => {
  const value = onTablet.get(KEPT);
  return value === "day" || value === "night" ? value : null;
};

export const theme = (): Theme => kept() ?? (dark.matches ? "night" : "day");

export function applyTheme(): void {
  document.documentElement.dataset["theme"] = theme();
  for (const watcher of watchers) watcher(theme());
}

export function chooseTheme(chosen: Theme): void {
  onTablet.set(KEPT, chosen);
  applyTheme();
}

export function onTheme(watcher: (theme: Theme) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

dark.addEventListener("change", applyTheme);
