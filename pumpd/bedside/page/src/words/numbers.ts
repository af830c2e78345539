// Numbers and times as they are shown, in the reader's language: always a leading zero, never a trailing one, cut off and
// never rounded up. What is signed, and what goes to the gateway, never passes through here.

import { calendar } from "./calendar.ts";
import { chosenLanguage, type Language } from "./language.ts";
import { say, type Text } from "./say.ts";
import { TERMS } from "./texts/terms.ts";

const NUMBER = /^(-?)(\d*)(?:\.(\d*))?$/;

/** No value, or one that is no number. */
export const NONE = "–";

const COMMA: Readonly<Record<Language, boolean>> = { en: false, de: true, es: true, fr: true };

/** The sign before the decimals, as the reader writes it. */
export const decimalSign = (): "." | "," => (COMMA[chosenLanguage()] ? "," : ".");

/**
 * A decimal as people read it: ".50" gives "0.5", or "0,5" in German; "35.0" gives "35". Digits beyond `places` are cut
 * off. A small number is never shown as 0.
 */
export const decimal = (value: string | number | null | undefined, places?: number): string =>
  plainDecimal(value, places).replace(".", decimalSign());

/** The same with a point in every language: for comparing and adding, not for the screen. */
function plainDecimal(value: string | number | null | undefined, places?: number): string {
  if (value === null || value === undefined || value === "") return NONE;
  const text = typeof value === "number" ? plain(value) : value.trim();
  const parts = NUMBER.exec(text);
  if (parts === null || (!parts[2] && !parts[3])) return NONE;
  const [, sign = "", whole = "", rest = ""] = parts;
  const units = whole.replace(/^0+(?=\d)/, "") || "0";
  const cut = (places === undefined ? rest : rest.slice(0, places)).replace(/0+$/, "");
  if (units === "0" && cut === "") {
    return places !== undefined && /[1-9]/.test(rest) ? `< ${["1", "0.1", "0.01", "0.001"][places] ?? "0.001"}` : "0";
  }
  return `${sign}${units}${cut && `.${cut}`}`;
}

function plain(value: number): string {
  if (!Number.isFinite(value)) return "";
  const text = String(value);
  return text.includes("e") ? value.toFixed(9) : text;
}

/** The exact sum of two decimals as text with a point, for `decimal()`. Null when one of them is no number. */
export function added(a: string | null | undefined, b: string | null | undefined): string | null {
  const [left, right] = [NUMBER.exec(a?.trim() ?? ""), NUMBER.exec(b?.trim() ?? "")];
  if (!left || !right || plainDecimal(a) === NONE || plainDecimal(b) === NONE) return null;
  const places = Math.max(left[3]?.length ?? 0, right[3]?.length ?? 0);
  const whole = ([, sign = "", units = "", rest = ""]: RegExpExecArray) =>
    BigInt(`${sign}${units}${rest.padEnd(places, "0")}`);
  const sum = whole(left) + whole(right);
  const digits = String(sum < 0n ? -sum : sum).padStart(places + 1, "0");
  const [units, rest] = [digits.slice(0, digits.length - places), digits.slice(digits.length - places)];
  return plainDecimal(`${sum < 0n ? "-" : ""}${units}.${rest}`);
}

/** For drawing only, never for a dose. */
export const drawn = (value: string | number | null | undefined): number => {
  const number = Number(value ?? 0);
  return Number.isFinite(number) ? number : 0;
};

/** Seconds as on a clock: "4:05", and "1:04:05" from an hour on. */
export function clock(seconds: number | string | null | undefined): string {
  if (seconds === null || seconds === undefined) return NONE;
  const all = Math.max(0, Math.floor(Number(seconds)));
  if (!Number.isFinite(all)) return NONE;
  const [hours, minutes, rest] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Seconds in words: "40 minutes", "1 hour 4 minutes", "40 minutes 5 seconds", "30 seconds". */
export function spell(seconds: number | string): string {
  const all = Math.max(0, Math.round(Number(seconds)));
  const part = (n: number, unit: Text) => (n ? [say(unit, { n })] : []);
  const [minutes, rest] = [Math.floor(all / 60), all % 60];
  const text = [
    ...(minutes > 100
      ? [...part(Math.floor(minutes / 60), TERMS.hours), ...part(minutes % 60, TERMS.minutes)]
      : part(minutes, TERMS.minutes)),
    ...part(rest, TERMS.seconds),
  ].join(" ");
  return text || say(TERMS.seconds, { n: 0 });
}

/**
 * A UTC instant as a clock at the gateway shows it, "14:52", whatever the tablet's clock shows. Without the gateway's
 * offset from UTC it takes the tablet's time zone.
 */
export function wallClock(ts: string | number | null | undefined, gatewayOffsetMin?: number): string {
  const instant = typeof ts === "number" ? ts : Date.parse(ts ?? "");
  if (!Number.isFinite(instant)) return NONE;
  const offsetMin = gatewayOffsetMin ?? -new Date(instant).getTimezoneOffset();
  return new Date(instant + offsetMin * 60_000).toISOString().slice(11, 16);
}

/** A UTC instant as a day at the gateway, "26 Nov 2026". */
export function day(ts: string | number | null | undefined, gatewayOffsetMin?: number): string {
  const instant = typeof ts === "number" ? ts : Date.parse(ts ?? "");
  if (!Number.isFinite(instant)) return NONE;
  const offsetMin = gatewayOffsetMin ?? -new Date(instant).getTimezoneOffset();
  const at = new Date(instant + offsetMin * 60_000);
  const { first, months } = calendar();
  return `${at.getUTCDate()}${first} ${months[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
}

/** A date without a time, "2026-12-04", as "Fri 4 Dec 2026". */
export function calendarDay(date: string | null | undefined): string {
  const at = new Date(`${date ?? ""}T00:00:00Z`);
  if (!Number.isFinite(at.getTime())) return NONE;
  return `${calendar().weekdays[at.getUTCDay()]} ${day(at.getTime(), 0)}`;
}

/** "2 min", or "14 s" below a minute: an age in real seconds, cut off. */
export function ageText(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const all = Math.max(0, Math.floor(seconds));
  return all < 60 ? `${all} s` : all < 7200 ? `${Math.floor(all / 60)} min` : `${Math.floor(all / 3600)} h`;
}
