import assert from "node:assert/strict";
import { test } from "node:test";
import { added, ageText, calendarDay, clock, day, decimal, spell, wallClock } from "./numbers.ts";

test("always a leading zero, never a trailing one", () => {
  const shown: [string | number, string][] = [
    [".5", "0.5"],
    ["0.50", "0.5"],
    ["35.000", "35"],
    ["35", "35"],
    ["007", "7"],
    ["100", "100"],
    ["0.0", "0"],
    ["-0.50", "-0.5"],
    ["52.5", "52.5"],
    [0.1, "0.1"],
    [1e-7, "0.0000001"],
    ["0", "0"],
    ["5.", "5"],
  ];
  for (const [given, want] of shown) assert.equal(decimal(given), want, String(given));
});

test("what is not a number is a dash, never a zero", () => {
  for (const bad of ["", "abc", ".", "1e3", "1,5", "NaN", null, undefined, Number.NaN, Infinity]) {
    assert.equal(decimal(bad), "–", String(bad));
  }
});

test("places are cut off, never rounded up, and a small number is never shown as 0", () => {
  assert.equal(decimal("17.4999", 1), "17.4");
  assert.equal(decimal("0.99", 1), "0.9");
  assert.equal(decimal("0.04", 1), "< 0.1");
  assert.equal(decimal("17.04", 1), "17");
  assert.equal(decimal("0.00", 1), "0");
});

test("a time reads as on a clock", () => {
  assert.equal(clock(65), "1:05");
  assert.equal(clock(3599.9), "59:59");
  assert.equal(clock("3845"), "1:04:05");
  assert.equal(clock(-3), "0:00");
  assert.equal(clock(null), "–");
});

test("a length of time in words", () => {
  assert.equal(spell("2400"), "40 minutes");
  assert.equal(spell(2405), "40 minutes 5 seconds");
  assert.equal(spell(60), "1 minute");
  assert.equal(spell(7260), "2 hours 1 minute");
  assert.equal(spell(0), "0 seconds");
});

test("clock times are the gateway's, not the tablet's", () => {
  assert.equal(wallClock("2026-11-26T13:52:10.123Z", 60), "14:52");
  assert.equal(wallClock("2026-11-26T23:30:00Z", 60), "00:30");
  assert.equal(wallClock("soon"), "–");
});

test("two parts of a treatment are added exactly, as text", () => {
  assert.equal(added("17.5", "17.5"), "35");
  assert.equal(added("0.1", "0.2"), "0.3");
  assert.equal(added("12345678901234567890.1", "0.09"), "12345678901234567890.19");
  assert.equal(added(".5", "2"), "2.5");
  assert.equal(added("-0.5", "0.25"), "-0.25");
  for (const bad of [undefined, null, "", "1e3", "NaN", "."]) assert.equal(added("1", bad), null, String(bad));
});

test("days are the gateway's, and a date without a time stays that date", () => {
  assert.equal(day("2026-11-26T23:30:00Z", 60), "27 Nov 2026");
  assert.equal(day("2026-11-26T23:30:00Z", 0), "26 Nov 2026");
  assert.equal(calendarDay("2026-12-04"), "Fri 4 Dec 2026");
  assert.equal(day("soon", 0), "–");
  assert.equal(calendarDay(null), "–");
});

test("an age is cut off, never rounded up", () => {
  assert.equal(ageText(59.9), "59 s");
  assert.equal(ageText(119), "1 min");
  assert.equal(ageText(7199), "119 min");
  assert.equal(ageText(7200), "2 h");
  assert.equal(ageText(null), "–");
});
