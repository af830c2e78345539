import assert from "node:assert/strict";
import { test } from "node:test";
import { withGaps } from "./trend.ts";

const trend = (at: number[]) => ({
  step_s: 60,
  at,
  rate: at.map(() => 50),
  rate_max: at.map(() => 60),
  infused_ml: at.map((each) => each / 60),
  pressure_max: at.map(() => null),
});

test("a time without readings is a gap, and no value is made up or lost", () => {
  const shown = withGaps(trend([0, 60, 180, 600, 660]));
  assert.deepEqual(shown.at, [0, 60, 180, 240, 600, 660]);
  assert.deepEqual(shown.rate, [50, 50, 50, null, 50, 50]);
  assert.deepEqual(shown.infused_ml, [0, 1, 3, null, 10, 11]);
});

test("nothing stays nothing", () => {
  assert.deepEqual(withGaps(trend([])).at, []);
});
