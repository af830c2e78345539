// What is shown at the fields of a form, in the language of the page.

import { decimal, decimalSign } from "./numbers.ts";
import { say, type Text } from "./say.ts";
import { inTurn } from "./terms.ts";
import { ORDER } from "./texts/order.ts";
import { typedNumber, type Typed, type Wrong } from "../state/typed.ts";
import type { Entry } from "../state/types.ts";

/** Whether the language of the page writes a decimal comma. */
export const decimalComma = (): boolean => decimalSign() === ",";

/** A number as it was typed on this page. */
export const entered = (text: string, unit: string): Typed => typedNumber(text, unit, decimalComma());

const WRONG: Record<Wrong, Text> = {
  thousands: ORDER.wrong_thousands,
  unit: ORDER.wrong_unit,
  "other unit": ORDER.wrong_other_unit,
  comma: ORDER.wrong_comma,
  bare: ORDER.wrong_bare,
  zeros: ORDER.wrong_zeros,
  "no number": ORDER.wrong_no_number,
};

/** What is wrong with a number that was typed, for its field; null when nothing is. */
export function wrongNumber(text: string, unit: string): string | null {
  const { wrong } = entered(text, unit);
  return wrong && say(WRONG[wrong], { unit });
}

const NUMBER = /^\S+/;
const unitOf = (quantity: string): string => quantity.replace(NUMBER, "").trim();

/** "0.5 mg/kg" in the way of writing of the page. */
export const quantity = (text: string): string => `${numberIn(text)} ${unitOf(text)}`;

/** Its number alone. */
export const numberIn = (text: string): string => decimal(NUMBER.exec(text)?.[0]);

/** What a field may hold. `value`: what is in it now. */
export function hint(entry: Entry, field: "dose" | "weight" | "duration", value = ""): string {
  const { soft_min, soft_max, hard_min, hard_max, default: usual } = entry[field];
  const [least, most] = [numberIn(hard_min), quantity(hard_max)];
  const expected =
    soft_min === soft_max
      ? say(ORDER.expected_one, { to: quantity(soft_max), least, most })
      : say(ORDER.expected, { from: numberIn(soft_min), to: quantity(soft_max), least, most });
  if (!usual) return expected;
  const known = value.trim() === numberIn(usual) ? say(ORDER.usual) : say(ORDER.usual_is, { usual: quantity(usual) });
  return `${known} ${expected}`;
}

/** What people choose a library entry by. */
export const nameOfEntry = (entry: Entry): string =>
  entry.name ?? `${entry.drug} ${decimal(entry.concentration_mg_ml)} mg/mL`;

/** How it flows, in words: "constant rate", or each step by its share of dose and time. */
export function profileInWords({ profile }: Entry): string {
  if (!profile?.length) return say(ORDER.constant_rate);
  const steps = inTurn(profile.map(({ dose, time }) => say(ORDER.step, { dose: percent(dose), time: percent(time) })));
  return say(ORDER.steps, { n: profile.length, steps });
}

/** A share of 1 in percent. Shares have at most six places. */
const percent = (share: string): string => decimal(String(Math.round(Number(share) * 1e6) / 1e4));
