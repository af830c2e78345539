// The language of this tablet: the one chosen here, else the browser's, else English.

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
  try {
    const value = localStorage.getItem(KEPT);
    return isLanguage(value) ? value : null;
  } catch {
    return null; // a browser that blocks storage, or a test without one
  }
}

function ofBrowser(): Language {
  const wanted = typeof document === "undefined" ? [] : (navigator.languages ?? []);
  return wanted.map((each) => each.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}

export function chooseLanguage(language: Language): void {
  chosen = language;
  try {
    localStorage.setItem(KEPT, language);
  } catch {
    // chosen for as long as the page is open
  }
  for (const watcher of watchers) watcher();
}

export function onLanguage(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}
