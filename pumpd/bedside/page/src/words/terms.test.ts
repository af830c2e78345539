import assert from "node:assert/strict";
import { test } from "node:test";
import { lossOfControlSentence, forPeople, inWords, nameOf, placeInCourse, rates, reasonOf } from "./terms.ts";
import { route } from "../state/route.ts";
import type { Review } from "../state/types.ts";

const review = { dose_mg: "35.0", drug: "ketamine", vtbi_ml: "35", duration_s: "2400" } as Review;

test("the program in one sentence", () => {
  assert.equal(inWords(review, "14:52"), "35 mg of ketamine in 35 mL over 40 minutes, ending about 14:52");
});

test("after a pause the sentence is about the rest, not the whole dose", () => {
  const rest = { ...review, vtbi_ml: "21.80", duration_s: "1495", given_before_ml: "13.2" } as Review;
  assert.equal(
    inWords(rest, "14:52"),
    "The last 21.8 mL of 35 mg of ketamine, over 24 minutes 55 seconds, ending about 14:52",
  );
});

test("the rest of a treatment is called that, with what was prescribed in all", () => {
  const rest = { ...review, dose_mg: "17.5", vtbi_ml: "17.5", given_before_ml: "17.5", first_dose_mg: "35" } as Review;
  assert.equal(
    inWords(rest, "14:52"),
    "The rest of a treatment of 35 mg of ketamine: 17.5 mL over 40 minutes, ending about 14:52",
  );
});

test("a place in a course has an end only where there is one", () => {
  assert.equal(placeInCourse({ number: 3, of: 6, phase: "infusion", course_number: 1 }), "infusion 3 of 6");
  assert.equal(placeInCourse({ number: 2, of: null, phase: "maintenance" }), "maintenance 2");
  assert.equal(placeInCourse({ number: 1, of: 6, phase: "infusion", course_number: 2 }), "infusion 1 of 6, course 2");
});

test("each step of a profile is named", () => {
  assert.equal(rates({ steps: [{ rate_ml_h: "52.50", volume_ml: "35" }] }), "52.5 mL/h");
  const two = [
    { rate_ml_h: "30", volume_ml: "5" },
    { rate_ml_h: "60", volume_ml: "30" },
  ];
  assert.equal(rates({ steps: two }), "30 mL/h for 10:00, then 60 mL/h for 30:00");
});

test("a reason goes to its field, without the number of the rule", () => {
  assert.deepEqual(reasonOf("dose: 2 mg/kg is above the hard limit of 1 mg/kg (PRG-04)"), {
    field: "dose",
    text: "2 mg/kg is above the hard limit of 1 mg/kg",
  });
  assert.deepEqual(reasonOf("Nothing of the kind"), { field: "", text: "Nothing of the kind" });
});

test("people read names, not keys and processes", () => {
  assert.equal(nameOf("R. Weiss (badge 1001), tablet ward 7 (c38f31bb1536c039)"), "R. Weiss");
  assert.equal(
    forPeople("Check the line (by R. Weiss (badge 1001), tablet ward 7 (c38f31bb1536c039))"),
    "Check the line (by R. Weiss (badge 1001), tablet ward 7)",
  );
  assert.equal(forPeople("Stop pressed (by tablet c38f31bb1536c039, uid 0, pid 1745)"), "Stop pressed (by a tablet)");
});

test("nothing is promised about an unknown pump", () => {
  assert.match(lossOfControlSentence([]), /unknown/);
  assert.equal(lossOfControlSentence(["native"]), "The pump's own watchdog stops it.");
});

test("the address gives the screen, and a name in it is only a name", () => {
  assert.deepEqual(route("#/bed/ward%2F7"), { screen: "bed", pump: "ward/7" });
  assert.deepEqual(route("#/bed/bed1/order"), { screen: "order", pump: "bed1" });
  assert.deepEqual(route("#/bed/bed1/rest"), { screen: "rest", pump: "bed1" });
  assert.deepEqual(route("#/bed/bed1/course"), { screen: "course", pump: "bed1" });
  assert.deepEqual(route("#/bed/bed1/other"), { screen: "bed", pump: "bed1" });
  assert.deepEqual(route("#pair=abc-DEF"), { screen: "pair", token: "abc-DEF" });
  assert.deepEqual(route("#bench"), { screen: "bench", pump: null });
  assert.deepEqual(route("#/bed/%E0%A4%A"), { screen: "bed", pump: "%E0%A4%A" });
  assert.deepEqual(route(""), { screen: "beds" });
});
