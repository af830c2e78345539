// Every alarm in every state: something to do, and never what is no longer possible (ALM-17). That `POSSIBLE` and the
// codes agree with pumpd is checked by tests/bedside/test_alarm_steps.py, from what `npm run steps` prints.

import assert from "node:assert/strict";
import { test } from "node:test";
import { LANGUAGES, type Language } from "../words/language.ts";
import type { Text } from "../words/say.ts";
import { CAUSE } from "../words/texts/alarm.ts";
import { STEP } from "../words/texts/alarm_steps.ts";
import { ENDED } from "../words/texts/ended.ts";
import { RUN } from "../words/texts/run.ts";
import { TRIPPED } from "../words/texts/tripped.ts";
import { causeOf, POSSIBLE, stepsFor, type Act, type Situation } from "./steps.ts";
import type { InfusionState } from "../state/types.ts";

const STATES: (InfusionState | null)[] = [
  ...(["ordered", "loading", "ready", "armed", "starting", "running", "completing", "pausing", "paused"] as const),
  ...(["stopping", "uncertain", "tripped", "completed", "stopped", "abandoned"] as const),
  null,
];
const SITUATIONS: Situation[] = STATES.flatMap((state) =>
  [true, false, null].flatMap((resumable) => [true, false].map((doubt) => ({ state, resumable, doubt }))),
);
/** Words that ask for something on the screen, and the acts that they may belong to. */
const ASKS: [RegExp, Act[]][] = [
  [/\bclear the alarm\b/i, ["clear"]],
  [/touch “Resume”/, ["resume"]],
  [/\bhold\b/i, ["hold"]],
  [/\btouch stop\b/i, ["stop", "hold"]],
  [/\bor stop\b/i, ["resume", "hold"]],
  [/\bconfirm\b/i, ["reconcile"]],
];

test("no step asks for what is not possible in that state", () => {
  for (const code of Object.keys(CAUSE))
    for (const situation of SITUATIONS)
      for (const { act } of stepsFor(code, situation))
        if (act)
          assert.ok(
            situation.state && POSSIBLE[act].includes(situation.state),
            `${code} in ${situation.state}: ${act}`,
          );
});

test("a step that names an act on the screen says which", () => {
  const acts = new Map<string, Set<Act | undefined>>();
  for (const code of Object.keys(CAUSE))
    for (const situation of SITUATIONS)
      for (const { text, act } of stepsFor(code, situation))
        acts.set(text.en, (acts.get(text.en) ?? new Set()).add(act));
  for (const [english, found] of acts)
    for (const [words, allowed] of ASKS)
      if (words.test(english))
        for (const act of found) assert.ok(act && allowed.includes(act), `“${english}” is not marked as an act`);
});

test("a resume is promised only where the trip permits it", () => {
  for (const code of Object.keys(CAUSE))
    for (const situation of SITUATIONS)
      for (const { text } of stepsFor(code, situation)) {
        if (text === STEP.clear_resume) assert.ok(situation.resumable);
        if (text === STEP.clear_end) assert.equal(situation.resumable, false);
      }
});

test("every alarm has something to do in every state, and at most four steps", () => {
  for (const code of Object.keys(CAUSE))
    for (const situation of SITUATIONS) {
      const steps = stepsFor(code, situation);
      assert.ok(steps.length >= 1 && steps.length <= 4, `${code} in ${situation.state}`);
    }
});

test("a step names a button as the button is called, in every language", () => {
  const named: [keyof typeof STEP, Text][] = [
    ["clear", TRIPPED.clear],
    ["clear_resume", TRIPPED.clear],
    ["clear_end", TRIPPED.clear],
    ["resume", RUN.resume],
    ["resume_or_stop", RUN.resume],
    ["rest", ENDED.give_rest],
  ];
  for (const [step, button] of named)
    for (const language of Object.keys(LANGUAGES) as Language[])
      assert.ok(STEP[step][language].includes(button[language]), `${step} in ${language}: ${button[language]}`);
});

test("a code that this page does not know sends a person to the pump", () => {
  assert.equal(causeOf("of_tomorrow"), CAUSE.unknown);
  assert.equal(stepsFor("of_tomorrow", SITUATIONS[0]!)[0]!.text, STEP.to_pump);
});
