// A bed without an infusion.

import type { BedProps } from "./Bed.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Fact, Facts } from "../parts/Facts.tsx";
import { bedAddress } from "../state/route.ts";
import { expirySentence } from "../words/terms.ts";

export function Idle({ page, live, pump }: BedProps) {
  return (
    <section class="narrow">
      <h2>No infusion</h2>
      {pump.problem && <p class="reasons" role="alert">The pump is not available: {pump.problem}</p>}
      {live.person
        ? may(page, "prescribe") && !pump.problem && <a class="button primary" href={bedAddress(pump.pump, "order")}>Order an infusion</a>
        : <NeedsSignIn pump={pump.pump} what="order an infusion" />}
      {live.person && !may(page, "prescribe") && <p class="muted">Ordering needs a person and a tablet that may prescribe.</p>}
      <PumpFacts pump={pump} />
    </section>
  );
}

export function PumpFacts({ pump }: Pick<BedProps, "pump">) {
  return (
    <Facts>
      <Fact label="Pump">{pump.model}</Fact>
      <Fact label="Serial">{pump.serial}</Fact>
      <Fact label="State">{pump.pump_state ?? "not read yet"}</Fact>
      <Fact label="Without the gateway" wide>{expirySentence(pump.expiry, pump.expiry_text)}</Fact>
    </Facts>
  );
}
