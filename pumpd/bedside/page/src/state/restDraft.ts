// The order of the rest of a treatment while it is being filled in. Nothing has a default.

import type { SoftLimit } from "./types.ts";
import type { Offer } from "./treatments.ts";

export interface RestDraft {
  /** "same", or "new " and the name of another container. */
  container: string;
  time: "" | "same" | "longer";
  duration: string;
  overrides: Record<string, string>;
}

export const RESTING: RestDraft = { container: "", time: "", duration: "", overrides: {} };

export function restLacks(draft: RestDraft): string[] {
  const lacks = [];
  if (!draft.container) lacks.push("container");
  if (!draft.time) lacks.push("how fast");
  if (draft.time === "longer" && !draft.duration.trim()) lacks.push("time for the rest");
  return lacks;
}

/** The fields of `rest` and `preview_rest`. The same container and the same rates go as null. */
export function restFields(
  pump: string,
  offer: Pick<Offer, "treatment" | "patient">,
  draft: RestDraft,
  soft: readonly SoftLimit[],
): Record<string, unknown> {
  const passed = new Set(soft.map(({ id }) => id));
  const overrides = Object.entries(draft.overrides).filter(([id, why]) => passed.has(id) && why.trim() !== "");
  return {
    pump,
    treatment: offer.treatment,
    patient: offer.patient,
    container: draft.container.startsWith("new ") ? draft.container.slice(4) : null,
    duration: draft.time === "longer" ? `${draft.duration.trim()} min` : null,
    overrides: Object.fromEntries(overrides.map(([id, why]) => [id, why.trim()])),
  };
}
