// A number that a person typed, in the way of writing of the page's language: one rule for every field (PRG-29).
// It gives the number as the gateway takes it, with a point, or what is wrong with it. It never guesses.

/** What is wrong, for `wrongNumber` of parts/Fields.tsx to say. */
export type Wrong = "thousands" | "unit" | "other unit" | "comma" | "bare" | "zeros" | "no number";

export type Typed = { number: string; wrong: null } | { number: null; wrong: Wrong };

const DIGITS_AND_MARKS = /^[\d.,'’ \u00a0\u202f]*$/;
/** "1.500" or "12,000,000": as thousands are grouped. */
const GROUPED = /^[1-9]\d{0,2}([.,'’ \u00a0\u202f]\d{3})+$/;

/**
 * `comma`: the language writes a decimal comma. There a comma is a point, and a point is one too unless it can separate
 * thousands. `unit`: the unit beside the field.
 */
export function typedNumber(text: string, unit: string, comma: boolean): Typed {
  const whole = text.trim();
  if (whole === "") return { number: "", wrong: null };
  const wrong = (why: Wrong): Typed => ({ number: null, wrong: why });
  const end = /^(.*?)\s*(\p{L}.*|%.*)$/u.exec(whole);
  if (end && /\d/.test(end[1]!)) return wrong(sameUnit(end[2]!, unit) ? "unit" : "other unit");
  if (!/\d/.test(whole) || !DIGITS_AND_MARKS.test(whole)) return wrong("no number");
  const decimalMark = comma ? "," : ".";
  const marks = whole.replace(/\d/g, "");
  if (marks.length > 1 || (marks !== "" && marks !== "." && marks !== ",")) return wrong("thousands");
  if (marks !== "" && marks !== decimalMark && GROUPED.test(whole)) return wrong("thousands");
  if (marks === "," && !comma) return wrong("comma");
  const number = whole.replace(",", ".");
  if (number.startsWith(".") || number.endsWith(".")) return wrong("bare");
  if (/^0\d/.test(number)) return wrong("zeros");
  return { number, wrong: null };
}

/** "40 minutes" repeats the unit "min", "70KG" the unit "kg". */
function sameUnit(typed: string, unit: string): boolean {
  const plain = (each: string) => each.toLowerCase().replace(/[\s.]/g, "");
  const [theirs, ours] = [plain(typed), plain(unit)];
  return theirs === ours || (ours === "min" && theirs.startsWith("min"));
}
