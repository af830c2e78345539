import assert from "node:assert/strict";
import { test } from "node:test";
import { LEVEL, signRows, vitalsOf } from "./signs.ts";
import type { Sign } from "./types.ts";

const sign = (name: string, value: number | null, level: Sign["level"] = "ok", age_s: number | null = 1): Sign => ({
  name,
  value,
  level,
  age_s,
  source: "monitor",
});

test("blood pressure is one value with the worse level and the older age", () => {
  const [row] = signRows([sign("systolic_mmhg", 128, "ok", 10), sign("diastolic_mmhg", 112, "critical", 90)]);
  assert.deepEqual([row?.label, row?.value, row?.level, row?.age_s], ["Blood pressure", "128/112", "critical", 90]);
});

test("half a blood pressure is missing", () => {
  const [row] = signRows([sign("systolic_mmhg", 128), sign("diastolic_mmhg", null, "missing", null)]);
  assert.deepEqual([row?.value, row?.level], [null, "missing"]);
  const [alone] = signRows([sign("systolic_mmhg", 128)]);
  assert.deepEqual([alone?.value, alone?.level], [null, "missing"]);
});

test("a sign without a value is never within limits, and an unknown level is the worst", () => {
  assert.equal(signRows([sign("spo2_percent", null, "ok")])[0]?.level, "missing");
  assert.equal(signRows([sign("spo2_percent", 99, "odd" as Sign["level"])])[0]?.level, "critical");
});

test("a sign that the page does not know is shown under its own name", () => {
  assert.deepEqual(signRows([sign("etco2_mmhg", 40)])[0]?.label, "etco2_mmhg");
});

test("every level has a symbol and a word of its own", () => {
  const words = Object.values(LEVEL);
  assert.equal(new Set(words.map(([symbol]) => symbol)).size, 4);
  assert.equal(new Set(words.map(([, word]) => word.en)).size, 4);
});

test("respiration may stay empty and is then not sent; everything else is needed as a whole number", () => {
  const four = { systolic_mmhg: "128", diastolic_mmhg: "82", heart_rate_bpm: "76", spo2_percent: "97" };
  assert.deepEqual(vitalsOf(four), {
    numbers: { systolic_mmhg: 128, diastolic_mmhg: 82, heart_rate_bpm: 76, spo2_percent: 97 },
    wrong: [],
  });
  assert.equal(vitalsOf({ ...four, respiration_per_min: "14" }).numbers["respiration_per_min"], 14);
  assert.equal(vitalsOf({ ...four, respiration_per_min: "1.4" }).wrong.length, 1);
  assert.equal(vitalsOf({ ...four, spo2_percent: "" }).wrong.length, 1);
  assert.equal(vitalsOf({}).wrong.length, 4);
});
