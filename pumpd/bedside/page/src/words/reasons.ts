// What the gateway says, in the language of the reader. It comes as English text, and beside it the same in the language
// that was asked for (docs/decisions/0039-messages-in-the-readers-language.md). Text without that is shown in English.

import { chosenLanguage, onLanguage, type Language } from "./language.ts";
import { decimal } from "./numbers.ts";

const MOST_KNOWN = 1000;

/** By their English text, those that came last, in the chosen language. */
const known = new Map<string, string>();
onLanguage(() => known.clear());

/** Remember what came with an answer or a state, which was asked for in that language. */
export function learn(said: unknown, language: Language): void {
  if (typeof said !== "object" || said === null || language !== chosenLanguage()) return;
  for (const [english, sentence] of Object.entries(said)) {
    if (typeof sentence !== "string") continue;
    known.delete(english); // so that the newest are last
    known.set(english, sentence);
  }
  for (const oldest of known.keys()) {
    if (known.size <= MOST_KNOWN) break;
    known.delete(oldest);
  }
}

/** A text of the gateway in the chosen language. */
export function reason(english: string): string {
  const sentence = known.get(english);
  return sentence === undefined ? english : withDecimals(sentence);
}

/** Numbers before a unit, as the language writes them. Any other number with a point is a name, such as a version. */
const withDecimals = (text: string): string =>
  text.replace(
    /(^|[^\w.,])(\d+\.\d+)(?= ?(?:%|(?:mg|µg|ng|g|kg|mL|mm|mmHg|h|min|s|V)\b))/g,
    (_, before: string, number: string) => before + decimal(number),
  );
