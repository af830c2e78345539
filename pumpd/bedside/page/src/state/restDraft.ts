// The order of the rest of a treatment while it is being filled in. Nothing has a default.

import { typedNumber } from "./typed.ts";
import type { Offer } from "./treatments.ts";

export interface RestDraft {
  /** "same", or "new " and the name of another container. */
  container: string;
  time: "" | "same" | "longer";
  duration: string;
}

export const RESTING: RestDraft = { container: "", time: "", duration: "" };

/** A message of NEED says each. */
export type RestLack = "container" | "how_fast" | "rest_time";

export function restLacks(draft: RestDraft): RestLack[] {
  const lacks: RestLack[] = [];
  if (!draft.container) lacks.push("container");
  if (!draft.time) lacks.push("how_fast");
  if (draft.time === "longer" && !draft.duration.trim()) lacks.push("rest_time");
  return lacks;
}

/** The fields of `rest` and `preview_rest`. The same container and the same rates go as null. */
export const restFields = (
  pump: string,
  offer: Pick<Offer, "treatment" | "patient">,
  draft: RestDraft,
  comma: boolean,
) => ({
  pump,
  treatment: offer.treatment,
  patient: offer.patient,
  container: draft.container.startsWith("new ") ? draft.container.slice(4) : null,
  duration: draft.time === "longer" ? `${typedNumber(draft.duration, "min", comma).number ?? ""} min` : null,
});
