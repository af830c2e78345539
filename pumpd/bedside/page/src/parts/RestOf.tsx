// That this is the rest of a treatment: when that began, what of it was given, and until when it must end.

import type { InfusionProps } from "./props.ts";
import { may } from "./NeedsSignIn.tsx";
import { usePatient } from "./patient.ts";
import { day, decimal, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { ENDED } from "../words/texts/ended.ts";

/** Nothing was given before this delivery: it is no rest. */
export const isLaterDelivery = ({ treatment, session }: { treatment?: string; session: string }): boolean =>
  !!treatment && treatment !== session;

export function RestOf({ page, live, infusion }: InfusionProps) {
  const rest = isLaterDelivery(infusion);
  const sees = may(page, "prescribe") || may(page, "confirm");
  const { history } = usePatient(rest ? infusion.review.patient : "", sees);
  if (!rest) return null;
  const offset = live.utc_offset_min;
  const began = history?.treatments.find(({ treatment }) => treatment === infusion.treatment)?.started_ts;
  const today = day(live.ts, offset);
  const when = `${day(began, offset) === today ? "" : `${day(began, offset)} `}${wallClock(began, offset)}`;
  return (
    <p class="rest-of" data-testid="rest-of">
      {say(ENDED.rest_of, { earlier: decimal(infusion.earlier_mg), whole: decimal(infusion.treatment_mg) })}
      {began && ` ${say(ENDED.began, { when })}`}
      {infusion.closes_ts && ` ${say(ENDED.closes, { time: wallClock(infusion.closes_ts, offset) })}`}
    </p>
  );
}
