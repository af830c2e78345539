import assert from "node:assert/strict";
import { test } from "node:test";
import { canonical, sha256 } from "../wire/canonical.ts";
import { chooseLanguage } from "./language.ts";
import { learn, reason, reasonIn } from "./reasons.ts";
import { reasonOf } from "./terms.ts";

Object.assign(globalThis, {
  document: { documentElement: {} },
  localStorage: { getItem: () => null, setItem: () => undefined },
});

const AWAY = "The gateway has not answered yet.";

test("a text with a message is shown in the reader's language", () => {
  learn({ [AWAY]: { id: "link.not_yet", parameters: {} } });
  assert.equal(reasonIn("de", AWAY), "Das Gateway hat noch nicht geantwortet.");
});

test("a text stays English without a message, and in a language without its template", () => {
  learn({ [AWAY]: { id: "link.not_yet", parameters: {} }, Odd: { id: "link.no_such", parameters: {} } });
  assert.equal(reasonIn("fr", AWAY), AWAY);
  assert.equal(reasonIn("en", AWAY), AWAY);
  assert.equal(reasonIn("de", "Nothing of the kind"), "Nothing of the kind");
  assert.equal(reasonIn("de", "Odd"), "Odd");
});

test("what is no table of messages is passed over", () => {
  for (const odd of [undefined, null, "text", 7]) learn(odd);
});

const ABOVE = "0.65 mg/kg is above the soft limit of 0.5 mg/kg";
const WARNING = `dose_high: ${ABOVE} (PRG-05)`;

function learnWarning(): void {
  learn({
    [WARNING]: {
      id: "reason.with_requirement",
      parameters: { field: "dose_high", reason: ABOVE, requirement: "PRG-05" },
    },
    [ABOVE]: { id: "dose.above_soft", parameters: { value: "0.65 mg/kg", limit: "0.5 mg/kg" } },
  });
}

test("a message in a message is translated too, and its field and rule are taken away as in English", () => {
  learnWarning();
  chooseLanguage("de");
  assert.deepEqual(reasonOf(WARNING), {
    field: "dose_high",
    text: "0,65 mg/kg liegt über der weichen Grenze von 0,5 mg/kg",
  });
  chooseLanguage("en");
  assert.deepEqual(reasonOf(WARNING), { field: "dose_high", text: ABOVE });
});

test("only a number with a unit gets the comma: a version and a time stay what they are", () => {
  const why = "the firmware is 3.928";
  const again = "nothing within 0.5 s";
  learn({
    [why]: { id: "bench.why", parameters: { why: "Firmware 3.928, 10.0.0.1, 12.5 mL/h (0.3 mL)" } },
    [again]: { id: "self_test.no_result", parameters: { seconds: "0.5" } },
  });
  chooseLanguage("de");
  assert.equal(reason(why), "bench: Firmware 3.928, 10.0.0.1, 12,5 mL/h (0,3 mL)");
  assert.equal(reason(again), "kein Ergebnis innerhalb von 0,5 s");
  chooseLanguage("en");
});

test("what is signed is the same in every language", async () => {
  const review = { warnings: [WARNING], dose_mg: "35.5" };
  const signed: string[] = [];
  for (const language of ["en", "de", "fr"] as const) {
    chooseLanguage(language);
    learnWarning();
    reasonOf(WARNING);
    signed.push(await sha256(canonical(review)));
  }
  chooseLanguage("en");
  assert.equal(new Set(signed).size, 1);
});
