// Vital signs for the screen: blood pressure as one value, the worse of two levels, missing as missing.

import type { Sign } from "./types.ts";
import { say, type Text } from "../words/say.ts";
import { OBSERVE } from "../words/texts/observe.ts";

export interface SignRow {
  name: string;
  label: string;
  /** Null: missing. */
  value: string | null;
  unit: string;
  level: Sign["level"];
  age_s: number | null;
  source: string | null;
}

const LABEL: Record<string, [label: Text, unit: string]> = {
  spo2_percent: [OBSERVE.spo2, "%"],
  heart_rate_bpm: [OBSERVE.heart_rate, "/min"],
  systolic_mmhg: [OBSERVE.blood_pressure, "mmHg"],
  respiration_per_min: [OBSERVE.respiration, "/min"],
};
const WORSE = ["ok", "missing", "warning", "critical"] as const;

const worse = (a: Sign["level"], b: Sign["level"]) => (WORSE.indexOf(a) >= WORSE.indexOf(b) ? a : b);

/** An unknown level is the worst one. */
const level = (of: Sign): Sign["level"] =>
  !WORSE.includes(of.level) ? "critical" : of.value === null && of.level === "ok" ? "missing" : of.level;

export function signRows(signs: readonly Sign[]): SignRow[] {
  const diastolic = signs.find(({ name }) => name === "diastolic_mmhg");
  return signs
    .filter((each) => each !== diastolic)
    .map((each) => {
      const [known, unit] = LABEL[each.name] ?? [null, ""];
      const label = known ? say(known) : each.name;
      const one = { name: each.name, label, unit, level: level(each), age_s: each.age_s, source: each.source };
      if (each.name !== "systolic_mmhg") return { ...one, value: each.value === null ? null : String(each.value) };
      const both = each.value !== null && diastolic != null && diastolic.value !== null;
      return {
        ...one,
        value: both ? `${each.value}/${diastolic.value}` : null,
        level: diastolic ? worse(one.level, level(diastolic)) : "missing",
        age_s: both ? Math.max(each.age_s ?? 0, diastolic.age_s ?? 0) : one.age_s,
      };
    });
}

/** Symbol and word, so that no level is shown by colour alone. */
export const LEVEL: Record<Sign["level"], [symbol: string, word: Text]> = {
  ok: ["✓", OBSERVE.level_ok],
  warning: ["▲", OBSERVE.level_warning],
  critical: ["◆", OBSERVE.level_critical],
  missing: ["?", OBSERVE.level_missing],
};

export interface VitalField {
  name: string;
  label: Text;
  unit: string;
  optional?: boolean;
}

/** What a person enters. Respiration may stay empty. */
export const VITAL_FIELDS: readonly VitalField[] = [
  { name: "systolic_mmhg", label: OBSERVE.systolic, unit: "mmHg" },
  { name: "diastolic_mmhg", label: OBSERVE.diastolic, unit: "mmHg" },
  { name: "heart_rate_bpm", label: OBSERVE.heart_rate, unit: "/min" },
  { name: "spo2_percent", label: OBSERVE.spo2, unit: "%" },
  { name: "respiration_per_min", label: OBSERVE.respiration_if_counted, unit: "/min", optional: true },
];

/** The numbers of the form, or what is wrong with it. */
export function vitalsOf(values: Record<string, string>): { numbers: Record<string, number>; wrong: string[] } {
  const filled = VITAL_FIELDS.filter(({ name, optional }) => !optional || (values[name] ?? "") !== "");
  const wrong = filled
    .filter(({ name }) => !/^\d{1,3}$/.test(values[name] ?? ""))
    .map(({ label }) => say(OBSERVE.whole_number, { label: say(label) }));
  return { numbers: Object.fromEntries(filled.map(({ name }) => [name, Number(values[name])])), wrong };
}
