// The languages of the built page. In its script a message has only its English text and a number (`languages.mjs` makes
// it so); each other language is a file of its own, loaded when it is chosen, with the gateway's reasons in it. Until it is
// here, everything is English. Where the sources run as they are, in the tests, all languages are there.

import type { Language } from "./language.ts";
import { GERMAN } from "./reasons/de.ts";

/** One message in every language. `{name}` is a parameter; "{n} alarm|{n} alarms" has a form for one and one for more. */
export type Text = Readonly<Record<Language, string>>;

type Built = Readonly<Partial<Text> & { en: string; at: number }>;

interface Pack {
  texts: readonly string[];
  reasons: Readonly<Record<string, string>>;
}

declare const BUILT: boolean | undefined;

const FILES: Readonly<Record<Exclude<Language, "en">, () => Promise<Pack>>> = {
  de: () => import("words:de"),
  es: () => import("words:es"),
  fr: () => import("words:fr"),
};
const packs: Partial<Record<Language, readonly string[]>> = {};

const here = (language: Language): boolean => language === "en" || typeof BUILT === "undefined" || language in packs;

/** Resolves to true once the language can be shown; false: its file did not come. */
export async function loadLanguage(language: Language): Promise<boolean> {
  if (language === "en" || here(language)) return true;
  try {
    const { texts, reasons } = await FILES[language]();
    packs[language] = texts;
    if (language === "de") Object.assign(GERMAN, reasons);
    return true;
  } catch {
    return false;
  }
}

export function template(text: Text, language: Language): string {
  const { en, at, [language]: own } = text as Built;
  return own ?? packs[language]?.[at] ?? en;
}
