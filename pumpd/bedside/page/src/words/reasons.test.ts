import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { canonical, sha256 } from "../wire/canonical.ts";
import { chooseLanguage } from "./language.ts";
import { learn, reason } from "./reasons.ts";
import { reasonOf } from "./terms.ts";

Object.assign(globalThis, {
  document: { documentElement: {} },
  localStorage: { getItem: () => null, setItem: () => undefined },
});

afterEach(() => chooseLanguage("en"));

const AWAY = "The gateway has not answered yet.";
const GERMAN = "Das Gateway hat noch nicht geantwortet.";

test("a text is shown as the gateway said it in the reader's language, and in English without", () => {
  chooseLanguage("de");
  learn({ [AWAY]: GERMAN }, "de");
  assert.equal(reason(AWAY), GERMAN);
  assert.equal(reason("Nothing of the kind"), "Nothing of the kind");
});

test("another language forgets what was said, and what still comes in the old one is not shown", () => {
  chooseLanguage("de");
  learn({ [AWAY]: GERMAN }, "de");
  chooseLanguage("fr");
  assert.equal(reason(AWAY), AWAY);
  learn({ [AWAY]: GERMAN }, "de");
  assert.equal(reason(AWAY), AWAY);
});

test("what is no table of texts is passed over", () => {
  for (const odd of [undefined, null, "text", 7, { [AWAY]: { id: "link.not_yet" } }]) learn(odd, "en");
  assert.equal(reason(AWAY), AWAY);
});

const ABOVE = "0.65 mg/kg is above the soft limit of 0.5 mg/kg";
const WARNING = `dose_high: ${ABOVE} (PRG-05)`;

test("its field and rule are taken away as in English", () => {
  chooseLanguage("de");
  learn({ [WARNING]: "dose_high: 0.65 mg/kg liegt über der weichen Grenze von 0.5 mg/kg (PRG-05)" }, "de");
  assert.deepEqual(reasonOf(WARNING), {
    field: "dose_high",
    text: "0,65 mg/kg liegt über der weichen Grenze von 0,5 mg/kg",
  });
  chooseLanguage("en");
  assert.deepEqual(reasonOf(WARNING), { field: "dose_high", text: ABOVE });
});

test("only a number with a unit gets the comma: a version and a time stay what they are", () => {
  chooseLanguage("de");
  learn({ a: "bench: Firmware 3.928, 10.0.0.1, 12.5 mL/h (0.3 mL)", b: "kein Ergebnis innerhalb von 0.5 s" }, "de");
  assert.equal(reason("a"), "bench: Firmware 3.928, 10.0.0.1, 12,5 mL/h (0,3 mL)");
  assert.equal(reason("b"), "kein Ergebnis innerhalb von 0,5 s");
});

test("what is signed is the same in every language", async () => {
  const review = { warnings: [WARNING], dose_mg: "35.5" };
  const signed: string[] = [];
  for (const language of ["en", "de", "fr"] as const) {
    chooseLanguage(language);
    learn({ [WARNING]: "dose_high: …" }, language);
    reasonOf(WARNING);
    signed.push(await sha256(canonical(review)));
  }
  assert.equal(new Set(signed).size, 1);
});
