import assert from "node:assert/strict";
import { test } from "node:test";
import { BLANK, byField, fieldOf, fieldsOf, missing, unreadable, withEntry } from "./draft.ts";
import type { Entry } from "./types.ts";

test("a blank order lacks everything", () => {
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

test("a weight that is confirmed from the record is not typed again", () => {
  const draft = { ...BLANK, weight: "70", weight_basis: "actual", recorded: true };
  assert.ok(!missing(draft).includes("weight_again"));
  const fields = fieldsOf(draft, [], false);
  assert.equal(fields["weight"], "70 kg");
  assert.equal(fields["weight_again"], "");
  assert.equal(fields["weight_from_record"], true);
  assert.ok(!("weight_from_record" in fieldsOf({ ...draft, recorded: false }, [], false)));
});

test("a comma goes out as a point, and what cannot be read goes out empty", () => {
  const draft = { ...BLANK, weight: "72,5", weight_again: "72,5", dose: "0,5", duration: "1.000" };
  assert.deepEqual(unreadable(draft, true), ["duration"]);
  const fields = fieldsOf(draft, [], true);
  assert.deepEqual(
    ["weight", "weight_again", "dose", "duration"].map((each) => fields[each]),
    ["72.5 kg", "72.5 kg", "0.5 mg/kg", ""],
  );
  assert.deepEqual(unreadable(draft, false), ["weight", "weight_again", "dose"]);
});

test("an entry brings its usual dose and time, and never replaces what a person typed", () => {
  const limits = (usual: string) => ({ default: usual, hard_min: "", soft_min: "", soft_max: "", hard_max: "" });
  const entry = (id: string, dose: string): Entry =>
    ({ id, dose: limits(dose), duration: limits("40 min") }) as unknown as Entry;
  const usual = (text: string) => text.split(" ")[0]!;
  const [one, two] = [entry("one", "0.5 mg/kg"), entry("two", "0.3 mg/kg")];
  const chosen = withEntry({ ...BLANK, container: "50 mL" }, one, undefined, usual);
  assert.deepEqual([chosen.entry, chosen.dose, chosen.duration, chosen.container], ["one", "0.5", "40", ""]);
  assert.equal(withEntry(chosen, two, one, usual).dose, "0.3");
  assert.equal(withEntry({ ...chosen, dose: "0.4" }, two, one, usual).dose, "0.4");
  assert.deepEqual([chosen.weight, chosen.weight_basis], ["", ""]);
});

test("numbers are sent as typed, with their unit", () => {
  const fields = fieldsOf({ ...BLANK, weight: " 70.0", dose: "0.50", duration: "40", patient: "P-1" }, [], false);
  assert.deepEqual(fields, {
    entry: "",
    weight: "70.0 kg",
    weight_again: "",
    weight_basis: "",
    dose: "0.50 mg/kg",
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
  assert.deepEqual(fieldsOf(draft, soft, false)["overrides"], { dose_high: "asked by Dr A" });
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
