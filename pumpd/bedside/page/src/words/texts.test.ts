import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { LANGUAGES, type Language } from "./language.ts";
import type { Text } from "./say.ts";

const ALL = Object.keys(LANGUAGES) as Language[];

/** Words that two of the languages write alike, so that a whole message may be the same. */
const ALIKE = new Set(
  "Alarm Alarms Bolus Cause Causes Code Concentration Container Date Dose Ideal Infusion Language Min Normal OK Option PHQ-9 PIN Patient Pause Plasma Pressure Rate Respiration SpO₂ Start Stop Tablet Total Volume dose ideal maintenance minute minutes patient pause pauses phase pumpd volume".split(
    " ",
  ),
);

function isText(value: unknown): value is Text {
  return typeof value === "object" && value !== null && ALL.every((each) => typeof (value as Text)[each] === "string");
}

/** Every message in a module of messages, by the way to it. */
function* messages(value: unknown, name: string): Generator<[string, Text]> {
  if (isText(value)) yield [name, value];
  else if (typeof value === "object" && value !== null)
    for (const [key, each] of Object.entries(value)) yield* messages(each, `${name}.${key}`);
  else if (typeof value === "string") assert.fail(`${name}: a text in no language`);
}

async function everyMessage(): Promise<[string, Text][]> {
  const found: [string, Text][] = [];
  for (const file of readdirSync(new URL("texts/", import.meta.url)))
    for (const [name, value] of Object.entries((await import(`./texts/${file}`)) as Record<string, unknown>))
      found.push(...messages(value, name));
  assert.ok(found.length > 100);
  return found;
}

const holes = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].sort();

test("every message has the same holes and the same forms in every language", async () => {
  for (const [name, text] of await everyMessage())
    for (const language of ALL) {
      const [given, english] = [text[language], text.en];
      const of = `${name} in ${language}`;
      assert.deepEqual(holes(given), holes(english), of);
      assert.equal(given.split("|").length, english.split("|").length, `${of}: a form for one and one for more`);
      assert.ok(english.split("|").length < 3, of);
      assert.equal(given.replace(/\{\w+\}/g, "").search(/[{}]/), -1, `${of}: a brace that is no hole`);
    }
});

test("no message is empty, has space where none belongs, or ends unlike the English one", async () => {
  for (const [name, text] of await everyMessage())
    for (const language of ALL)
      for (const form of text[language].split("|")) {
        const of = `${name} in ${language}: ${form}`;
        assert.notEqual(form.trim(), "", of);
        assert.doesNotMatch(form, / {2}|\s$|\n/, of);
        assert.equal(form.endsWith("."), text.en.endsWith("."), `${of}: a sentence, or none`);
      }
});

test("a message that is the same in two languages is one of words that both have", async () => {
  const copied = [];
  for (const [name, text] of await everyMessage())
    for (const language of ALL.filter((each) => each !== "en")) {
      const words = text.en.replace(/\{\w+\}/g, "").match(/[\p{L}\d₂-]{3,}/gu) ?? [];
      if (text[language] === text.en && words.some((word) => !ALIKE.has(word)))
        copied.push(`${name} in ${language}: ${text.en}`);
    }
  assert.deepEqual(copied, []);
});
