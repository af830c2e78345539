import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { burst, FLASH_HZ, lengthMs } from "./pattern.ts";

const PRIORITIES = ["high", "medium", "low"] as const;

// docs/safety/reference.md 3.1 and requirement ALM-03
const WANT = {
  high: { pulses: [10, 10], length: [75, 200], interval: [2500, 15_000] },
  medium: { pulses: [3, 3], length: [125, 250], interval: [2500, 30_000] },
  low: { pulses: [1, 2], length: [125, 250], interval: [15_001, 120_000] },
} as const;

const within = (value: number, [least, most]: readonly [number, number]) =>
  assert.ok(value >= least && value <= most, `${value} is not in ${least} to ${most}`);

for (const priority of PRIORITIES) {
  test(`${priority}: number and length of the pulses, and the interval`, () => {
    const { pulses, intervalMs } = burst(priority);
    within(pulses.length, WANT[priority].pulses);
    for (const { lengthMs: length } of pulses) within(length, WANT[priority].length);
    within(intervalMs, WANT[priority].interval);
  });

  test(`${priority}: at least four harmonics between 300 and 4000 Hz over a fundamental of 150 to 1000 Hz`, () => {
    for (const { harmonicsHz } of burst(priority).pulses) {
      within(harmonicsHz[0]!, [150, 1000]);
      assert.ok(harmonicsHz.filter((hz) => hz >= 300 && hz <= 4000).length >= 4);
    }
  });

  test(`${priority}: no pulse begins before the last one ended`, () => {
    const { pulses } = burst(priority);
    pulses.slice(1).forEach((pulse, at) => {
      const before = pulses[at]!;
      assert.ok(pulse.startMs >= before.startMs + before.lengthMs + 50);
    });
  });
}

test("high is two equal sets of five", () => {
  const notes = burst("high").pulses.map(({ harmonicsHz }) => harmonicsHz[0]);
  assert.deepEqual(notes.slice(0, 5), notes.slice(5));
  assert.equal(lengthMs(burst("high")), 3500);
});

test("the flash in the style sheet is the one of the table: red 2 Hz, yellow 0.6 Hz, half on, half off", () => {
  const css = readFileSync(new URL("../style/alarm.css", import.meta.url), "utf8");
  for (const priority of PRIORITIES) {
    const found = new RegExp(`\\.alarm-${priority}[^{]*\\{[^}]*--flash: (\\w+) ?([\\d.]+)?s?`).exec(css);
    assert.ok(found, `${priority} has no --flash`);
    const hz = found[1] === "none" ? 0 : 1 / Number(found[2]);
    assert.ok(Math.abs(hz - FLASH_HZ[priority]) < 0.01, `${priority}: ${hz} Hz`);
  }
  assert.match(css, /@keyframes flash \{\s*50% \{/);
});
