// What the mock says, in the language that was asked for: pumpd's own texts and their German, as bedside answers
// (pumpd/bedside/translated.py). A text that pumpd does not say has no German: the tests then find its English on the screen.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const PUMPD = join(import.meta.dirname, "..", "..", "..");
const LEAST_PLAIN = 6; // characters; a template with less, such as "{first}; {second}", would fit everything
const DEEPEST = 4;

const read = (...path: string[]): Record<string, string> =>
  JSON.parse(readFileSync(join(PUMPD, ...path), "utf8")) as Record<string, string>;

const GERMAN = { ...read("bedside", "reasons", "de.json"), ...read("bedside", "reasons", "de_pump.json") };
const TEMPLATES = Object.entries(read("known_texts.json"))
  .map(([id, template]) => ({ id, template, plain: template.replace(/\{\w+\}/g, "").length }))
  .filter(({ plain }) => plain >= LEAST_PLAIN)
  .sort((a, b) => b.plain - a.plain)
  .map(({ id, template }) => ({ id, pattern: pattern(template) }));
const known = new Map<string, string | null>();

/** By each English text in the data, what it says in that language. */
export function said(data: unknown, language: string): Record<string, string> {
  const found: Record<string, string> = {};
  const look = (value: unknown): void => {
    if (typeof value === "string") {
      const german = inGerman(value, 0);
      if (german !== null) found[value] = german;
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(look);
  };
  if (language === "de") look(data);
  return found;
}

/** "{a} of {b}" as an expression with a group for each hole. */
function pattern(template: string): RegExp {
  const seen = new Set<string>();
  const source = template.split(/\{(\w+)\}/).map((part, each) => {
    if (each % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    if (seen.has(part)) return `\\k<${part}>`;
    seen.add(part);
    return `(?<${part}>.+?)`;
  });
  return new RegExp(`^${source.join("")}$`, "s");
}

function inGerman(english: string, depth: number): string | null {
  if (!english.includes(" ") || depth > DEEPEST) return null;
  let german = known.get(english);
  if (german === undefined) {
    const fits = TEMPLATES.find(({ pattern: each }) => each.test(english));
    const holes = fits?.pattern.exec(english)?.groups ?? {};
    german =
      fits === undefined
        ? null
        : GERMAN[fits.id]!.replace(
            /\{(\w+)\}/g,
            (_, name: string) => inGerman(holes[name]!, depth + 1) ?? holes[name]!,
          );
    known.set(english, german);
  }
  return german;
}
