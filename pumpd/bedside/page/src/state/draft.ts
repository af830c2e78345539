// An order while it is being filled in. The usual dose and time come from the library entry; the weight, its basis and
// what the drug is in have no default (PRG-08).

import { isReason } from "./limits.ts";
import type { Entry, SoftLimit } from "./types.ts";
import { typedNumber } from "./typed.ts";
import { reasonOf } from "../words/terms.ts";

export interface Draft {
  entry: string;
  weight: string;
  weight_again: string;
  weight_basis: string;
  /** The weight and its basis are those on record: a person confirmed them and typed nothing. */
  recorded: boolean;
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
  recorded: false,
  dose: "",
  duration: "",
  container: "",
  patient: "",
  course: "",
  previous_weight: "",
  overrides: {},
};

export const NEEDED = [
  "entry",
  "weight",
  "weight_again",
  "weight_basis",
  "dose",
  "duration",
  "container",
  "patient",
] as const;
export type Needed = (typeof NEEDED)[number];
export const OPTIONAL = ["course", "previous_weight"] as const;

/** The fields with a number, and the unit beside each. */
export const UNIT = {
  weight: "kg",
  weight_again: "kg",
  previous_weight: "kg",
  dose: "mg/kg",
  duration: "min",
} as const;
export type Numeric = keyof typeof UNIT;
const NUMERIC = Object.keys(UNIT) as Numeric[];
const isNumeric = (field: string): field is Numeric => field in UNIT;

export const missing = (draft: Draft): Needed[] =>
  NEEDED.filter((field) => draft[field].trim() === "" && !(field === "weight_again" && draft.recorded));

/** The fields whose number cannot be read. `comma`: the language of the page writes a decimal comma. */
export const unreadable = (draft: Draft, comma: boolean): Numeric[] =>
  NUMERIC.filter((field) => typedNumber(draft[field], UNIT[field], comma).wrong !== null);

/**
 * The fields of a `preview` or an `order`: numbers with their unit, and nothing changed in them but the comma. A field
 * that is missing or cannot be read goes as empty text: the gateway then checks what is there.
 */
export function fieldsOf(draft: Draft, soft: readonly SoftLimit[], comma: boolean): Record<string, unknown> {
  const given = OPTIONAL.filter((field) => draft[field].trim() !== "");
  const passed = new Set(soft.map(({ id }) => id));
  const overrides = Object.entries(draft.overrides).filter(([id, why]) => passed.has(id) && isReason(why));
  const text = (field: Needed | (typeof OPTIONAL)[number]): string => {
    if (!isNumeric(field)) return draft[field].trim();
    const { number } = typedNumber(draft[field], UNIT[field], comma);
    return number ? `${number} ${UNIT[field]}` : "";
  };
  return {
    ...Object.fromEntries([...NEEDED, ...given].map((field) => [field, text(field)])),
    ...(draft.recorded ? { weight_again: "", weight_from_record: true } : {}),
    overrides: Object.fromEntries(overrides.map(([id, why]) => [id, why.trim()])),
  };
}

/**
 * The draft with this library entry: with its usual dose and time unless a person typed others, and in no container yet.
 * `usual` gives the number of a quantity as the page writes it.
 */
export function withEntry(
  draft: Draft,
  entry: Entry,
  before: Entry | undefined,
  usual: (quantity: string) => string,
): Draft {
  const value = (field: "dose" | "duration"): string => {
    const [now, was] = [entry[field].default, before?.[field].default];
    const untouched = draft[field] === "" || (was !== undefined && draft[field] === usual(was));
    return untouched && now !== undefined ? usual(now) : draft[field];
  };
  return { ...draft, entry: entry.id, container: "", dose: value("dose"), duration: value("duration") };
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
