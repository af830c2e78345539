// The order of the rest of a treatment while it is being filled in. Nothing has a default.

import type { Offer } from "./treatments.ts";

export interface RestDraft {
  /** "same", or "new " and the name of another container. */
  container: string;
  time: "" | "same" | "longer";
  duration: string;
}

export const RESTING: RestDraft = { container: "", time: "", duration: "" };

export function restLacks(draft: RestDraft): string[] {
  const lacks = [];
  if (!draft.container) lacks.push("container");
  if (!draft.time) lacks.push("how fast");
  if (draft.time === "longer" && !draft.duration.trim()) lacks.push("time for the rest");
  return lacks;
}

/** The fields of `rest` and `preview_rest`. The same container and the same rates go as null. */
export const restFields = (pump: string, offer: Pick<Offer, "treatment" | "patient">, draft: RestDraft) => ({
  pump,
  treatment: offer.treatment,
  patient: offer.patient,
  container: draft.container.startsWith("new ") ? draft.container.slice(4) : null,
  duration: draft.time === "longer" ? `${draft.duration.trim()} min` : null,
});
