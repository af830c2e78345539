// The languages of the built page. In its script a message is only a number (`languages.mjs` makes it so), and the English
// texts are beside it in that order; each other language is a file of its own, loaded when it is chosen. Until it is here,
// its texts are English. Where the sources run as they are, in the tests, all are there.

import { ENGLISH } from "./english.ts";
import type { Language } from "./language.ts";

/** One message in every language. `{name}` is a parameter; "{n} alarm|{n} alarms" has a form for one and one for more. */
export type Text = Readonly<Record<Language, string>>;

const FILES: Readonly<Record<Exclude<Language, "en">, () => Promise<{ texts: readonly string[] }>>> = {
  de: () => import("words:de"),
  es: () => import("words:es"),
  fr: () => import("words:fr"),
};
const packs: Partial<Record<Language, readonly string[]>> = {};

/** `arrived` is called when the language can be shown. Resolves to false if its file did not come. */
export async function loadLanguage(language: Language, arrived: () => void): Promise<boolean> {
  try {
    if (language !== "en" && ENGLISH) packs[language] ??= (await FILES[language]()).texts;
    arrived();
    return true;
  } catch {
    return false;
  }
}

export function template(text: Text | number, language: Language): string {
  if (typeof text !== "number") return text[language];
  return packs[language]?.[text] ?? ENGLISH![text]!;
}
