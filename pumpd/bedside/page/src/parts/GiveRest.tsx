// The offer to give the rest of an interrupted treatment on this pump.

import type { BedProps } from "./props.ts";
import { may, NeedsSignIn } from "./NeedsSignIn.tsx";
import { usePatient } from "./patient.ts";
import { bedAddress } from "../state/route.ts";
import { mayOrderRest, offered } from "../state/treatments.ts";
import { decimal, wallClock } from "../words/numbers.ts";

export function GiveRest({ page, live, pump }: BedProps) {
  const sees = may(page, "prescribe") || may(page, "confirm");
  const { history } = usePatient(pump.rest ? "" : (pump.patient ?? ""), sees, pump.infusion?.state);
  const offer = offered(pump, history);
  if (!offer || pump.problem || pump.to_identify) return null;
  return (
    <section class="give-rest" aria-label="The rest of a treatment">
      <p>
        <b>
          {decimal(offer.left_mg)} mg ({decimal(offer.left_ml)} mL)
        </b>{" "}
        of the treatment of {offer.patient} can still be given, until{" "}
        <b class="digits">{wallClock(offer.until_ts, live.utc_offset_min)}</b>.
      </p>
      {!live.person ? (
        <NeedsSignIn pump={pump.pump} what="give the rest" />
      ) : mayOrderRest(page, offer, may) ? (
        <a class="button primary" href={bedAddress(pump.pump, "rest")}>
          Give the rest
        </a>
      ) : (
        <p class="muted">
          To order the rest, you and this tablet both need the role “prescribe”
          {offer.by_nurse && " or “confirm”"}.
        </p>
      )}
    </section>
  );
}
