import assert from "node:assert/strict";
import { test } from "node:test";
import { count, duration, NOTHING, number, onAxis, time, timeOf, whole } from "./words.ts";

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
  assert.deepEqual([whole(60), whole(3600), whole(32_400), whole(5_400)], ["1 min", "1 h", "9 h", "1 h 30 min"]);
});

test("one thing has no s", () => {
  assert.deepEqual([count(0, "alarm"), count(1, "alarm"), count(2, "alarm")], ["0 alarms", "1 alarm", "2 alarms"]);
  assert.equal(count(3, "entry", "entries"), "3 entries");
});

test("a curve has the time of day below it, and the day where one begins", () => {
  assert.equal(onAxis(new Date(2026, 10, 30, 14, 5), 300), "14:05");
  assert.equal(onAxis(new Date(2026, 10, 30, 0, 0), 3600), "30 Nov");
  assert.equal(onAxis(new Date(2026, 10, 30, 14, 5), 7 * 86_400), "30 Nov");
});

test("a time of a clock that was ahead names that clock", () => {
  const at = "2027-03-01T08:00:00Z";
  assert.equal(timeOf(at, 31_536_000), `${time(at)} by its clock, which was 365 d 0 h ahead`);
  assert.deepEqual([timeOf(at, null), timeOf(at, 0.4)], [time(at), time(at)]);
});
