// The languages of the built page. In its script a message has only its English text and a number (`languages.mjs` makes
// it so); each other language is a file of its own, loaded when it is chosen, and what the gateway says is another, loaded
// next. Until a file is here, its texts are English. Where the sources run as they are, in the tests, all are there.

import type { Language } from "./language.ts";
import { GERMAN } from "./reasons/de.ts";

/** One message in every language. `{name}` is a parameter; "{n} alarm|{n} alarms" has a form for one and one for more. */
export type Text = Readonly<Record<Language, string>>;

type Built = Readonly<Partial<Text> & { en: string; at: number }>;

declare const BUILT: boolean | undefined;

const FILES: Readonly<Record<Exclude<Language, "en">, () => Promise<{ texts: readonly string[] }>>> = {
  de: () => import("words:de"),
  es: () => import("words:es"),
  fr: () => import("words:fr"),
};
const packs: Partial<Record<Language, readonly string[]>> = {};

/** `arrived` is called whenever more of the language can be shown. Resolves to false if a file did not come. */
export async function loadLanguage(language: Language, arrived: () => void): Promise<boolean> {
  try {
    if (language !== "en" && typeof BUILT !== "undefined") packs[language] ??= (await FILES[language]()).texts;
    arrived();
    if (language !== "de" || typeof BUILT === "undefined") return true;
    Object.assign(GERMAN, (await import("words:de-reasons")).reasons);
    arrived();
    return true;
  } catch {
    return false;
  }
}

export function template(text: Text, language: Language): string {
  const { en, at, [language]: own } = text as Built;
  return own ?? packs[language]?.[at] ?? en;
}
