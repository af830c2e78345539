// It is not known what the pump gave. Only a person at the pump can say: the volume on its display, and why.

import type { InfusionProps } from "./Bed.tsx";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { Reconcile } from "../parts/Reconcile.tsx";
import { figure } from "../words/figures.ts";
import { forPeople, sentence } from "../words/terms.ts";

export function Uncertain({ page, live, pump, infusion }: InfusionProps) {
  return (
    <section class="narrow">
      <h2>Uncertain: the pump may be flowing</h2>
      <p>
        <strong>Go to the pump. Stop it there and clamp the line.</strong> {sentence(forPeople(infusion.reason))}
      </p>
      <p>pumpd does not send the start again and goes on trying to stop the pump.</p>
      <Facts>
        <Fact label="Booked, at the worst">
          <Amount of={figure(infusion.booked_ml, 2)} unit="mL" />
        </Fact>
        <Fact label="Ordered">
          <Amount of={figure(infusion.prescribed_ml)} unit="mL" />
        </Fact>
        <Fact label="Pump says">{pump.pump_state ?? "nothing"}</Fact>
      </Facts>
      <Reconcile page={page} live={live} pump={pump} />
    </section>
  );
}
