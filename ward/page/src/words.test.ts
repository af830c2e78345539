import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, NOTHING, number } from "./words.ts";

test("a number has a leading zero, no trailing zero, and its unit", () => {
  assert.equal(number(0.5, "mL"), "0.5 mL");
  assert.equal(number(5, "mL"), "5 mL");
  assert.equal(number(52.46, "mL/h"), "52.5 mL/h");
  assert.equal(number(null, "mL"), NOTHING);
});

test("a duration is in units that a person reads", () => {
  assert.equal(duration(7), "7 s");
  assert.equal(duration(59.6), "1 min 0 s");
  assert.equal(duration(3_661), "1 h 1 min");
  assert.equal(duration(90_000), "1 d 1 h");
  assert.equal(duration(null), NOTHING);
});
