// What the gateway says, in the language of the reader. It comes as English text, and beside it as a message: an id and
// its parameters (docs/decisions/0039-messages-in-the-readers-language.md). Text without a message, or in a language
// without its template, is shown in English.

import { chosenLanguage, type Language } from "./language.ts";
import { decimal } from "./numbers.ts";
import { GERMAN } from "./reasons/de.ts";

export interface Message {
  id: string;
  parameters: Readonly<Record<string, string>>;
}

const TEMPLATES: Partial<Record<Language, Readonly<Record<string, string>>>> = { de: GERMAN };
const MOST_KNOWN = 1000;
const DEEPEST = 8;

/** By their English text, the messages that came last. */
const known = new Map<string, Message>();

/** Remember the messages that came with an answer or a state. */
export function learn(messages: unknown): void {
  if (typeof messages !== "object" || messages === null) return;
  for (const [english, message] of Object.entries(messages as Record<string, Message>)) {
    known.delete(english); // so that the newest are last
    known.set(english, message);
  }
  for (const oldest of known.keys()) {
    if (known.size <= MOST_KNOWN) break;
    known.delete(oldest);
  }
}

/** A text of the gateway in the chosen language. */
export const reason = (english: string): string => reasonIn(chosenLanguage(), english);

export function reasonIn(language: Language, english: string): string {
  const templates = TEMPLATES[language];
  return templates ? filled(templates, english, 0) : english;
}

function filled(templates: Readonly<Record<string, string>>, english: string, depth: number): string {
  const message = known.get(english);
  const template = message && templates[message.id];
  if (!template || depth > DEEPEST) return english;
  const text = template.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = message.parameters[name];
    return value === undefined ? hole : filled(templates, value, depth + 1);
  });
  return depth ? text : withDecimals(text);
}

/** Numbers before a unit, as the language writes them. Any other number with a point is a name, such as a version. */
const withDecimals = (text: string): string =>
  text.replace(
    /(^|[^\w.,])(\d+\.\d+)(?= ?(?:%|(?:mg|µg|ng|g|kg|mL|mm|mmHg|h|min|s|V)\b))/g,
    (_, before: string, number: string) => before + decimal(number),
  );
