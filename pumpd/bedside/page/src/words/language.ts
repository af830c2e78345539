// The language of this tablet: the one chosen here, else the browser's, else English.

import { onTablet } from "../state/storage.ts";

export type Language = "en" | "de" | "es" | "fr";

export const LANGUAGES: Readonly<Record<Language, string>> = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
};

const KEPT = "language";
const watchers = new Set<() => void>();
let chosen: Language | null = null;

const isLanguage = (value: string | null | undefined): value is Language => !!value && value in LANGUAGES;

export function chosenLanguage(): Language {
  chosen ??= kept() ?? ofBrowser();
  return chosen;
}

function kept(): Language | null {
  const value = onTablet.get(KEPT);
  return isLanguage(value) ? value : null;
}

function ofBrowser(): Language {
  const wanted = typeof document === "undefined" ? [] : (navigator.languages ?? []);
  return wanted.map((each) => each.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}

export function chooseLanguage(language: Language): void {
  chosen = language;
  onTablet.set(KEPT, language);
  for (const watcher of watchers) watcher();
}

export function onLanguage(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
