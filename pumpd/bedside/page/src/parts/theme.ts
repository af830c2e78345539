// Day and night: as the tablet has it, or as somebody chose here.

export type Theme = "day" | "night";

const KEPT = "theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const watchers = new Set<(theme: Theme) => void>();

const kept = (): Theme | null => {
  const value = localStorage.getItem(KEPT);
  return value === "day" || value === "night" ? value : null;
};

export const theme = (): Theme => kept() ?? (dark.matches ? "night" : "day");

export function wearTheme(): void {
  document.documentElement.dataset["theme"] = theme();
  for (const watcher of watchers) watcher(theme());
}

export function chooseTheme(chosen: Theme): void {
  localStorage.setItem(KEPT, chosen);
  wearTheme();
}

export function onTheme(watcher: (theme: Theme) => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

dark.addEventListener("change", wearTheme);
