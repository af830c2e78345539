import assert from "node:assert/strict";
import { test } from "node:test";
import { WakingClock } from "./waking.ts";

const HOUR = 3_600_000;

test("without sleep it is the monotonic clock, whatever small steps the wall clock takes", () => {
  const clock = new WakingClock(0, 1000);
  assert.equal(clock.at(500, 1500), 500);
  assert.equal(clock.at(1000, 3000), 1000);
  assert.equal(clock.at(2000, 2000), 2000);
});

test("after a sleep that the monotonic clock did not count, everything is old at once", () => {
  const clock = new WakingClock(0, 0);
  assert.equal(clock.at(1000, 601_000), 21_000);
  assert.equal(clock.at(1500, 601_500), 21_500, "once, not again");
});

test("a wall clock set forward by an hour makes values old for a moment; set back, it changes nothing", () => {
  const forward = new WakingClock(0, 0);
  assert.equal(forward.at(100, HOUR), 20_100);
  const back = new WakingClock(0, 0);
  assert.equal(back.at(100, -HOUR), 100);
  assert.equal(back.at(200, 100 - HOUR), 200);
});
