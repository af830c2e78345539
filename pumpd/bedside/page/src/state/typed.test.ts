import assert from "node:assert/strict";
import { test } from "node:test";
import { typedNumber, type Wrong } from "./typed.ts";

const [POINT, COMMA] = [false, true];
const number = (text: string, comma: boolean, unit = "mg/kg") => typedNumber(text, unit, comma).number;
const wrong = (text: string, comma: boolean, unit = "mg/kg"): Wrong | null => typedNumber(text, unit, comma).wrong;

test("a comma of a language with commas is a point, and so is a point", () => {
  for (const [typed, want] of [
    ["0,5", "0.5"],
    ["72,5", "72.5"],
    ["0,500", "0.500"],
    ["1,500", "1.500"],
    ["0.5", "0.5"],
    ["72.5", "72.5"],
    ["70", "70"],
    [" 40 ", "40"],
    ["", ""],
  ] as const)
    assert.equal(number(typed, COMMA), want, typed);
});

test("in a language with points only a point is one", () => {
  assert.equal(number("0.5", POINT), "0.5");
  assert.equal(number("1.500", POINT), "1.500");
  assert.equal(number("1500", POINT), "1500");
  for (const typed of ["0,5", "72,5", "0,500"]) assert.equal(wrong(typed, POINT), "comma", typed);
});

test("a thousands separator is refused in every language and never read as a decimal point", () => {
  for (const typed of [
    "1.500",
    "70.000",
    "1.000.000",
    "1.234,5",
    "1 000",
    "1\u00a0000",
    "1\u202f000",
    "1'000",
    "1’000",
  ])
    assert.equal(wrong(typed, COMMA), "thousands", typed);
  for (const typed of ["1,500", "70,000", "1,000,000", "1,234.5", "1 000", "1'000"])
    assert.equal(wrong(typed, POINT), "thousands", typed);
  for (const typed of ["0..5", "0,,5", "0.5.1", "1,2,3"]) {
    assert.equal(wrong(typed, COMMA), "thousands", typed);
    assert.equal(wrong(typed, POINT), "thousands", typed);
  }
});

test("a unit that is beside the field already is told apart from another one", () => {
  const cases: [string, string, Wrong][] = [
    ["70kg", "kg", "unit"],
    ["70 KG", "kg", "unit"],
    ["40 min", "min", "unit"],
    ["40 minutes", "min", "unit"],
    ["40 Min.", "min", "unit"],
    ["0.5 mg / kg", "mg/kg", "unit"],
    ["0,5mg/kg", "mg/kg", "unit"],
    ["150 lb", "kg", "other unit"],
    ["1 h", "min", "other unit"],
    ["35 mg", "mg/kg", "other unit"],
    ["500 µg/kg", "mg/kg", "other unit"],
    ["5 %", "mg/kg", "other unit"],
    ["1e3", "kg", "other unit"],
  ];
  for (const [typed, unit, want] of cases)
    for (const comma of [POINT, COMMA]) assert.equal(wrong(typed, comma, unit), want, typed);
});

test("a point without a digit on both sides, zeros in front, signs and words are no number", () => {
  for (const comma of [POINT, COMMA]) {
    for (const typed of [".5", "5."]) assert.equal(wrong(typed, comma), "bare", typed);
    for (const typed of ["007", "00.5"]) assert.equal(wrong(typed, comma), "zeros", typed);
    for (const typed of ["-5", "+5", "abc", "NaN", "٣", "５", "1/2", "0.5<", ".", "kg"])
      assert.equal(wrong(typed, comma), "no number", typed);
  }
  assert.equal(wrong(",5", COMMA), "bare");
});

test("whatever is typed, the result is a plain decimal or nothing", () => {
  const alphabet = "0019.,' kgmin-+e\u00a0";
  let seed = 7;
  const next = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let round = 0; round < 20_000; round++) {
    const typed = Array.from({ length: next(8) }, () => alphabet[next(alphabet.length)]).join("");
    for (const comma of [POINT, COMMA]) {
      const { number, wrong } = typedNumber(typed, "kg", comma);
      if (wrong === null) assert.match(number, /^((0|[1-9]\d*)(\.\d+)?)?$/, typed);
      else assert.equal(number, null);
    }
  }
});
