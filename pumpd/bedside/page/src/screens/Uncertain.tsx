// The delivered volume is unknown. Only a person at the pump can read it off the display.

import type { InfusionProps } from "../parts/props.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { Reconcile } from "../parts/Reconcile.tsx";
import { decimal } from "../words/numbers.ts";
import { forPeople, sentence } from "../words/terms.ts";

export function Uncertain({ page, live, pump, infusion }: InfusionProps) {
  return (
    <section class="narrow">
      <h2>Uncertain: the pump may be running</h2>
      <p>
        <strong>Go to the pump. Stop it there and clamp the line.</strong> {sentence(forPeople(infusion.reason))}
      </p>
      <p>pumpd does not repeat the start. It keeps trying to stop the pump.</p>
      <Facts>
        <Fact label="At most given">
          <Amount of={decimal(infusion.booked_ml, 2)} unit="mL" />
        </Fact>
        <Fact label="Ordered">
          <Amount of={decimal(infusion.prescribed_ml)} unit="mL" />
        </Fact>
        <Fact label="Pump reports">{pump.pump_state ?? "nothing"}</Fact>
      </Facts>
      <Reconcile page={page} live={live} pump={pump} />
    </section>
  );
}
