// The delivered volume is unknown. Only a person at the pump can read it off the display.

import type { InfusionProps } from "../parts/props.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { Reconcile } from "../parts/Reconcile.tsx";
import { decimal } from "../words/numbers.ts";
import { say, type Text } from "../words/say.ts";
import { RUN } from "../words/texts/run.ts";
import { TRIPPED } from "../words/texts/tripped.ts";

const REPORTED: Record<string, Text> = {
  infusing: TRIPPED.infusing,
  purging: TRIPPED.infusing,
  withdrawing: TRIPPED.infusing,
  stopped: TRIPPED.is_stopped,
  paused: TRIPPED.is_stopped,
  alarm: TRIPPED.in_alarm,
};

export function Uncertain({ page, live, pump, infusion }: InfusionProps) {
  return (
    <section class="narrow">
      <h2>{say(TRIPPED.uncertain)}</h2>
      <p>
        <strong>{say(TRIPPED.go_stop)}</strong>
      </p>
      <p>{say(TRIPPED.not_repeated)}</p>
      <Facts>
        <Fact label={say(RUN.at_most_given)}>
          <Amount of={decimal(infusion.booked_ml, 2)} unit="mL" />
        </Fact>
        <Fact label={say(RUN.ordered)}>
          <Amount of={decimal(infusion.prescribed_ml)} unit="mL" />
        </Fact>
        <Fact label={say(TRIPPED.pump_says)}>{say(REPORTED[pump.pump_state ?? ""] ?? TRIPPED.nothing)}</Fact>
      </Facts>
      <Reconcile page={page} live={live} pump={pump} />
    </section>
  );
}
