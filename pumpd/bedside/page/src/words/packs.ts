// The languages of the built page. In its script a message has only its English text and a number (`build.mjs` makes it so);
// each other language is a file of its own, loaded when it is chosen. Until it is here, the message is English. Where the
// sources run as they are, in the tests, every message has all its languages and nothing is loaded.

import type { Language } from "./language.ts";

/** One message in every language. `{name}` is a parameter; "{n} alarm|{n} alarms" has a form for one and one for more. */
export type Text = Readonly<Record<Language, string>>;

type Built = Readonly<Partial<Text> & { en: string; at: number }>;
type Pack = readonly string[];

declare const BUILT: boolean | undefined;

const FILES: Readonly<Record<Exclude<Language, "en">, () => Promise<{ default: Pack }>>> = {
  de: () => import("words:de"),
  es: () => import("words:es"),
  fr: () => import("words:fr"),
};
const packs: Partial<Record<Language, Pack>> = {};

const here = (language: Language): boolean => language === "en" || typeof BUILT === "undefined" || language in packs;

/** Resolves to true once the language can be shown; false: its file did not come. */
export async function loadLanguage(language: Language): Promise<boolean> {
  if (language === "en" || here(language)) return true;
  try {
    packs[language] = (await FILES[language]()).default;
    return true;
  } catch {
    return false;
  }
}

export function template(text: Text, language: Language): string {
  const { en, at, [language]: own } = text as Built;
  return own ?? packs[language]?.[at] ?? en;
}
