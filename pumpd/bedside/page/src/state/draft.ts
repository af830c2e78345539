// An order while it is being filled in. No field has a default: a person fills in every one.

import type { Entry, SoftLimit } from "./types.ts";
import { reasonOf } from "../words/terms.ts";

export interface Draft {
  entry: string;
  weight: string;
  weight_again: string;
  weight_basis: string;
  dose: string;
  duration: string;
  container: string;
  patient: string;
  course: string;
  previous_weight: string;
  overrides: Record<string, string>;
}

export const BLANK: Draft = {
  entry: "",
  weight: "",
  weight_again: "",
  weight_basis: "",
  dose: "",
  duration: "",
  container: "",
  patient: "",
  course: "",
  previous_weight: "",
  overrides: {},
};

const NEEDED = ["entry", "weight", "weight_again", "weight_basis", "dose", "duration", "container", "patient"] as const;
const UNIT: Partial<Record<keyof Draft, string>> = {
  weight: "kg",
  weight_again: "kg",
  previous_weight: "kg",
  dose: "mg/kg",
  duration: "min",
};
const OPTIONAL = ["course", "previous_weight"] as const;

export const missing = (draft: Draft): string[] => NEEDED.filter((field) => draft[field].trim() === "");

const withUnit = (text: string, unit: string | undefined): string => (text && unit ? `${text} ${unit}` : text);

/**
 * The fields of a `preview` or an `order`: numbers exactly as they were typed, with their unit. A missing field goes as
 * empty text: the gateway then checks what is there.
 */
export function fieldsOf(draft: Draft, soft: readonly SoftLimit[]): Record<string, unknown> {
  const given = OPTIONAL.filter((field) => draft[field].trim() !== "");
  const passed = new Set(soft.map(({ id }) => id));
  const overrides = Object.entries(draft.overrides).filter(([id, why]) => passed.has(id) && why.trim() !== "");
  return {
    ...Object.fromEntries([...NEEDED, ...given].map((field) => [field, withUnit(draft[field].trim(), UNIT[field])])),
    overrides: Object.fromEntries(overrides.map(([id, why]) => [id, why.trim()])),
  };
}

/** Reasons by the field that they are about; under "" those that belong to no field. */
export function byField(reasons: readonly string[]): Record<string, string[]> {
  const sorted: Record<string, string[]> = {};
  for (const reason of reasons) {
    const { field, text } = reasonOf(reason);
    const at = field in BLANK ? field : "";
    (sorted[at] ??= []).push(at === field ? text : reason);
  }
  return sorted;
}

/** The field at which a soft limit is explained. */
export function fieldOf(soft: SoftLimit): string {
  const field = soft.field ?? soft.id.replace(/_(low|high|total|change)$/, "");
  return field in BLANK ? field : "";
}

/** What a field may hold, as a hint under it. */
export const hint = (entry: Entry | undefined, field: "dose" | "weight" | "duration"): string => {
  if (!entry) return "";
  const { soft_min, soft_max, hard_min, hard_max, default: usual } = entry[field];
  const number = (text: string) => text.split(" ")[0];
  const never = `never outside ${number(hard_min)} to ${hard_max}.`;
  if (soft_min === soft_max) return `Expected ${soft_max}, ${never}`;
  return `${usual ? `Usual ${usual}. ` : ""}Expected ${number(soft_min)} to ${soft_max}, ${never}`;
};
