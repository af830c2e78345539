// One message in the language of the reader. Every text of the page is a message: `say(RUN.ends_about, { time })`.
// The messages are in texts/, a file for each part of the page, with all languages side by side: a missing one is a type
// error.

import { chosenLanguage, type Language } from "./language.ts";
import { template, type Text } from "./packs.ts";

export type { Text };

export type Parameters = Readonly<Record<string, string | number>>;

/** The message with its parameters, in the chosen language. */
export const say = (text: Text, parameters: Parameters = {}): string => sayIn(chosenLanguage(), text, parameters);

/** For what the journal keeps, whatever the language of the tablet. */
export const inEnglish = (text: Text): string => sayIn("en", text);

export const sayIn = (language: Language, text: Text, parameters: Parameters = {}): string =>
  formOf(language, text, parameters["n"]).replace(HOLE, (hole, name: string) => String(parameters[name] ?? hole));

/** The message cut at its holes, for `Said`: text and the name of a hole, by turns. */
export const cutAtHoles = (text: Text, n?: string | number): string[] =>
  formOf(chosenLanguage(), text, n).split(/\{(\w+)\}/);

const HOLE = /\{(\w+)\}/g;

function formOf(language: Language, text: Text, n: string | number | undefined): string {
  const [one = "", more] = template(text, language).split("|");
  return more !== undefined && !isOne(language, Number(n)) ? more : one;
}

const isOne = (language: Language, n: number): boolean => new Intl.PluralRules(language).select(n) === "one";

/** A table of messages, each read in the language that is chosen when it is read. */
export function saidOf<Key extends string>(table: Readonly<Record<Key, Text>>): Readonly<Record<Key, string>> {
  const entries = Object.entries<Text>(table).map(([key, text]) => [key, { get: () => say(text), enumerable: true }]);
  return Object.defineProperties({}, Object.fromEntries(entries)) as Readonly<Record<Key, string>>;
}
