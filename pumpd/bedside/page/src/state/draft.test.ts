import assert from "node:assert/strict";
import { test } from "node:test";
import { BLANK, byField, fieldOf, fieldsOf, missing } from "./draft.ts";

test("no field has a default: a blank order lacks everything", () => {
  assert.deepEqual(missing(BLANK), [
    "entry",
    "weight",
    "weight_again",
    "weight_basis",
    "dose",
    "duration",
    "container",
    "patient",
  ]);
});

test("numbers are sent as typed, with their unit", () => {
  const fields = fieldsOf({ ...BLANK, weight: " 70.0", dose: ".5", duration: "40", patient: "P-1" }, []);
  assert.deepEqual(fields, {
    entry: "",
    weight: "70.0 kg",
    weight_again: "",
    weight_basis: "",
    dose: ".5 mg/kg",
    duration: "40 min",
    container: "",
    patient: "P-1",
    overrides: {},
  });
});

test("a reason for a soft limit is sent only while that limit is exceeded", () => {
  const draft = { ...BLANK, overrides: { dose_high: " asked by Dr A ", weight_low: "old", dose_total: " " } };
  const soft = [
    { id: "dose_high", text: "", overridden: false },
    { id: "dose_total", text: "", overridden: false },
  ];
  assert.deepEqual(fieldsOf(draft, soft)["overrides"], { dose_high: "asked by Dr A" });
});

test("every reason is shown: at its field, or on top if it has none", () => {
  const sorted = byField(["dose: too much (PRG-04)", "dose: and again (PRG-09)", "pump: is busy", "sign_in: nobody"]);
  assert.deepEqual(sorted["dose"], ["too much", "and again"]);
  assert.deepEqual(sorted[""], ["pump: is busy", "sign_in: nobody"]);
});

test("a soft limit is shown at its field", () => {
  assert.equal(fieldOf({ id: "dose_total", text: "", overridden: false }), "dose");
  assert.equal(fieldOf({ id: "weight_change", text: "", overridden: false }), "weight");
  assert.equal(fieldOf({ id: "spacing", text: "", overridden: false }), "");
  assert.equal(fieldOf({ id: "x", field: "duration", text: "", overridden: false }), "duration");
});
