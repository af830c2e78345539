// The offer to give the rest of an interrupted treatment on this pump: after a stop, the first thing that is asked. The
// stop itself waits for nothing; only what becomes of the treatment is asked here.

import type { BedProps } from "./props.ts";
import { Dock } from "./dock.tsx";
import { may } from "./NeedsSignIn.tsx";
import { usePatient } from "./patient.ts";
import { SignInFirst } from "./SignInFirst.tsx";
import { bedAddress } from "../state/route.ts";
import { mayOrderRest, offered } from "../state/treatments.ts";
import { decimal, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { ENDED } from "../words/texts/ended.ts";
import { RUN } from "../words/texts/run.ts";

export function GiveRest({ page, live, pump }: BedProps) {
  const sees = may(page, "prescribe") || may(page, "confirm");
  const { history } = usePatient(pump.rest ? "" : (pump.patient ?? ""), sees, pump.infusion?.state);
  const offer = offered(pump, history);
  if (!offer || pump.problem || pump.to_identify) return null;
  const allowed = !live.person || mayOrderRest(page, offer, may);
  return (
    <section class="give-rest" aria-label={say(ENDED.rest)}>
      <h3>{say(ENDED.rest_question)}</h3>
      <p>
        {say(ENDED.rest_left, {
          mg: decimal(offer.left_mg),
          ml: decimal(offer.left_ml),
          patient: offer.patient,
          time: wallClock(offer.until_ts, live.utc_offset_min),
        })}{" "}
        {say(ENDED.rest_none)}
      </p>
      {!allowed && <p class="muted">{say(offer.by_nurse ? ENDED.rest_role_nurse : ENDED.rest_role)}</p>}
      <Dock>
        {!live.person ? (
          <SignInFirst pump={pump.pump}>{say(RUN.sign_in_for_rest)}</SignInFirst>
        ) : (
          allowed && (
            <a class="button primary" href={bedAddress(pump.pump, "rest")}>
              {say(ENDED.give_rest)}
            </a>
          )
        )}
      </Dock>
    </section>
  );
}
