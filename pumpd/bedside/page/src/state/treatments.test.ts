import assert from "node:assert/strict";
import { test } from "node:test";
import { restFields, RESTING, restLacks } from "./restDraft.ts";
import { totalOf } from "./assessment.ts";
import {
  assessable,
  balance,
  lacksForCourse,
  mayOrderRest,
  offered,
  withOffset,
  type CourseRecord,
  type PatientHistory,
  type Treatment,
} from "./treatments.ts";
import { EMPTY, type Page } from "./page.ts";
import type { Pump, Rest, Role } from "./types.ts";

const REST: Rest = {
  treatment: "s1",
  patient: "P-1",
  left_ml: "17.5",
  left_mg: "17.5",
  until_ts: "2026-11-26T15:00:00Z",
  by_nurse: false,
};
const pump = (fields: Partial<Pump>): Pump => ({ pump: "bed1", patient: null, ...fields }) as Pump;
const treatment = (name: string, reasons: string[] | null): Treatment =>
  ({ treatment: name, rest: reasons && { ...REST, container: "50 mL", reasons } }) as unknown as Treatment;
const history = (patient: string, ...treatments: Treatment[]): PatientHistory =>
  ({ patient, treatments }) as unknown as PatientHistory;

test("the rest is offered where the treatment ended, without any history", () => {
  assert.equal(offered(pump({ patient: "P-1", rest: REST }), null)?.treatment, "s1");
  assert.equal(offered(pump({ patient: null, rest: REST }), null)?.treatment, "s1");
});

test("a pump that has another patient by now does not offer the previous patient's rest", () => {
  assert.equal(offered(pump({ patient: "P-2", rest: REST }), null), null);
});

test("another pump offers it to its own patient only, and only while nothing speaks against it", () => {
  const bed2 = pump({ patient: "P-1" });
  assert.equal(offered(bed2, history("P-1", treatment("s9", null), treatment("s1", [])))?.treatment, "s1");
  assert.equal(offered(bed2, history("P-1", treatment("s1", ["it runs on bed1"]))), null);
  assert.equal(offered(bed2, history("P-2", treatment("s1", []))), null);
  assert.equal(offered(pump({}), history("P-1", treatment("s1", []))), null);
});

test("a nurse may order the rest only where the library entry allows it", () => {
  const as =
    (...roles: Role[]) =>
    (_: Page, role: Role) =>
      roles.includes(role);
  assert.equal(mayOrderRest(EMPTY, { by_nurse: false }, as("confirm")), false);
  assert.equal(mayOrderRest(EMPTY, { by_nurse: true }, as("confirm")), true);
  assert.equal(mayOrderRest(EMPTY, { by_nurse: false }, as("prescribe")), true);
  assert.equal(mayOrderRest(EMPTY, { by_nurse: true }, as("view")), false);
});

test("given and left are shown as the order only where they are exactly the order", () => {
  assert.equal(balance("17.50", "17.5", "35", "mg"), "17.5 mg given + 17.5 mg left = 35 mg ordered");
  assert.equal(balance("17.57", "17.4", "35", "mg"), "17.57 mg given + 17.4 mg left, of 35 mg ordered");
  assert.equal(balance("0.1", "0.2", "0.3", "mg"), "0.1 mg given + 0.2 mg left = 0.3 mg ordered", "not as floats");
});

test("nothing of the rest has a default; the same container and rates go as null", () => {
  assert.deepEqual(restLacks(RESTING), ["container", "how_fast"]);
  assert.deepEqual(restLacks({ ...RESTING, container: "same", time: "longer" }), ["rest_time"]);
  const same = restFields("bed2", REST, { container: "same", time: "same", duration: "60" }, false);
  assert.deepEqual(same, { pump: "bed2", treatment: "s1", patient: "P-1", container: null, duration: null });
  const other = restFields("bed2", REST, { container: "new 20 mL", time: "longer", duration: " 40" }, false);
  assert.deepEqual([other.container, other.duration], ["20 mL", "40 min"]);
});

test("a container that is called the same is not the same one", () => {
  assert.equal(restFields("bed1", REST, { ...RESTING, container: "new same", time: "same" }, false).container, "same");
});

test("a course is assessed once, after its last infusion", () => {
  const course = (given: number, assessment: unknown = null, phase = "", ordered = true) =>
    ({
      given,
      infusions: 6,
      assessment,
      ordered,
      next: phase ? { place: { phase } } : null,
    }) as unknown as CourseRecord;
  assert.equal(assessable(course(5)), false);
  assert.equal(assessable(course(5, null, "infusion")), false);
  assert.equal(assessable(course(5, null, "maintenance")), true, "its time is over");
  assert.equal(assessable(course(6, null, "", false)), false, "no course");
  assert.equal(assessable(course(6)), true);
  assert.equal(assessable(course(6, { response: "responder" })), false);
});

test("a total is a whole number that its scale can have; without a scale there is none", () => {
  assert.deepEqual(totalOf("PHQ-9", "27"), { number: 27, wrong: false });
  assert.equal(totalOf("PHQ-9", "28").number, null);
  assert.equal(totalOf("MADRS", "28").number, 28);
  for (const bad of ["", "-1", "7.5", "seven", "1e1"]) assert.equal(totalOf("PHQ-9", bad).wrong, true, bad);
  assert.deepEqual(totalOf("", "5"), { number: null, wrong: false });
});

test("a course needs a drug, a name, a first day and at least one weekday", () => {
  const none = { entry: "", course: " ", first_day: "1 Dec", weekdays: [] };
  assert.deepEqual(lacksForCourse(none), ["drug", "name", "first_day", "weekdays"]);
  assert.deepEqual(lacksForCourse({ entry: "k", course: "C", first_day: "2026-12-01", weekdays: ["mon"] }), []);
});

test("a corrected instant carries the gateway's offset", () => {
  assert.equal(withOffset("2026-11-26", "14:52", 60), "2026-11-26T14:52:00+01:00");
  assert.equal(withOffset("2026-11-26", "14:52:10", -210), "2026-11-26T14:52:10-03:30");
  assert.equal(withOffset("2026-11-26", "00:00", 0), "2026-11-26T00:00:00+00:00");
});
