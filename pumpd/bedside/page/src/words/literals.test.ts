// What a component shows is a message, and no text of its own: otherwise it would be English on every tablet.

import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { transformSync } from "esbuild";

const SOURCE = new URL("../", import.meta.url).pathname;

/** Properties whose text nobody reads. */
const UNREAD =
  /^"?(class|className|d|viewBox|points|transform|type|role|name|data-\w+|autocomplete|inputMode|stroke[\w-]*|fill|preserveAspectRatio|id|key|href|src|color|font|aria-live|aria-current|lang|source)"?$/;

/** Texts of a machine or of the developer's console, by what is before them. */
const OF_MACHINES =
  /(console\.\w+|new Error|new WakingClock|import|test|querySelector(All)?|closest|getPropertyValue)\($/;

/** Units and what is spelled alike everywhere, where it is alone. */
const UNIT =
  /^[\s·/,.:()×<>=+–-]*(mL\/h|mL|mg\/kg|mg\/mL|mg\/h|mg|kg|mmHg|ng\/mL|min|bpm|s|h|%|px|pumpd( pair)?)?[\s·/,.:()×-]*$/;

/** The texts that JSX shows: its children, and the properties that are read out or shown. */
export function shown(tsx: string): string[] {
  const { code } = transformSync(tsx, {
    loader: "tsx",
    jsx: "automatic",
    jsxImportSource: "preact",
    target: "esnext",
    charset: "utf8",
  });
  const found = [];
  const literal = /("(?:[^"\\\n]|\\.)*")(:)?|`((?:[^`\\]|\\.)*)`/g; // `"name":` is a property
  for (const match of code.matchAll(literal)) {
    if (match[2]) continue;
    const before = code.slice(Math.max(0, match.index - 200), match.index).trimEnd();
    const text = match[1] === undefined ? (match[3] ?? "").replace(/\$\{[^}]*\}?/g, "") : String(JSON.parse(match[1]));
    const property = /([\w"-]+):$/.exec(before)?.[1];
    if (property !== undefined ? UNREAD.test(property) : !/(children: \[|[,[]|[?:]|&&|\|\||\?\?)$/.test(before))
      continue;
    if (OF_MACHINES.test(before) || /\bclass: (?:[^,{}]|\$\{[^}]*\})*$/.test(before)) continue;
    found.push(text);
  }
  return found;
}

/** A capital and small letters, or several words. */
const isWords = (text: string): boolean =>
  !UNIT.test(text) && (/^\s*[\p{Lu}][\p{Ll}]{2,}/u.test(text) || /\p{L}{2,} \p{L}{2,}/u.test(text));

test("no other part of the page has a sentence of its own", () => {
  const sentence = /["`](\p{Lu}[^"`\n]* [^"`\n]*\.)["`]/gu;
  const found = globSync("{wire,state,alarm,parts}/**/*.ts", { cwd: SOURCE })
    .filter((path) => !path.endsWith(".test.ts"))
    .flatMap((path) =>
      [...readFileSync(SOURCE + path, "utf8").matchAll(sentence)].map(([, text]) => `${path}: ${text}`),
    );
  assert.deepEqual(found, []);
});

test("no component has a text of its own", () => {
  const found = globSync("**/*.tsx", { cwd: SOURCE })
    .filter((path) => !path.startsWith("words/"))
    .flatMap((path) =>
      shown(readFileSync(SOURCE + path, "utf8"))
        .filter(isWords)
        .map((text) => `${path}: ${text}`),
    );
  assert.deepEqual(found, []);
});

test("this test finds them", () => {
  const texts = (jsx: string) => shown(`const at = ${jsx};`).filter(isWords);
  assert.deepEqual(texts("<b>Save</b>"), ["Save"]);
  assert.deepEqual(texts('<b aria-label="Close it" class={wide ? "wide button" : "button"} />'), ["Close it"]);
  assert.deepEqual(texts('<b>{open ? "Close" : "Open"} mL</b>'), ["Close", "Open"]);
  assert.deepEqual(texts('<Field label="Weight" unit="kg" />'), ["Weight"]);
  assert.deepEqual(texts("<b title={`Only ${n} of these`}>{n} mL/h</b>"), ["Only  of these"]);
  assert.deepEqual(texts("<b>{say(RUN.pause)} · {n} mg/mL</b>"), []);
});

/** In the built page a message is a number (packs.ts). */
const OF_A_LANGUAGE = /\.(en|de|es|fr)\b|\{ ?(en|de|es|fr)\b/g;

test("no part of the page takes a language of a message itself", () => {
  const found = globSync("**/*.{ts,tsx}", { cwd: SOURCE })
    .filter((path) => !path.startsWith("words/") && !path.endsWith(".test.ts"))
    .flatMap((path) =>
      [...readFileSync(SOURCE + path, "utf8").matchAll(OF_A_LANGUAGE)].map(([text]) => `${path}: ${text}`),
    );
  assert.deepEqual(found, []);
  assert.equal("{REASONS.map((text) => text.en)}".match(OF_A_LANGUAGE)?.length, 1);
});

/** Tables whose messages are looked up by a name that comes from elsewhere. */
const BY_NAME = new Set(["CAUSE", "NEED", "PART", "PUMP_STATE", "PURPOSE", "STUCK", "WEEKDAY"]);

test("every other table is used message by message: then the built page holds no names of it", async () => {
  const files = globSync("words/texts/*.ts", { cwd: SOURCE });
  const modules = await Promise.all(files.map((path) => import(`../${path}`) as Promise<object>));
  const tables = modules.flatMap((each) => Object.keys(each)).filter((each) => !BY_NAME.has(each));
  const whole = new RegExp(`\\b(${tables.join("|")})\\b(?!\\.\\w| }|,| as )`, "g");
  const found = globSync("**/*.{ts,tsx}", { cwd: SOURCE })
    .filter((path) => !path.startsWith("words/texts/") && !path.endsWith(".test.ts"))
    .flatMap((path) => {
      const code = readFileSync(SOURCE + path, "utf8").replace(/^\s*(import|\/\/|\/?\*).*/gm, "");
      return [...code.matchAll(whole)].map(([table]) => `${path}: ${table}`);
    });
  assert.deepEqual(found, []);
});
