// The delivered volume is unknown. Only a person at the pump can read it off the display.

import type { InfusionProps } from "../parts/props.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { Reconcile } from "../parts/Reconcile.tsx";
import { decimal } from "../words/numbers.ts";
import { say, type Text } from "../words/say.ts";
import { RUN } from "../words/texts/run.ts";

const REPORTED: Record<string, Text> = {
  infusing: RUN.infusing,
  purging: RUN.infusing,
  withdrawing: RUN.infusing,
  stopped: RUN.stands,
  paused: RUN.stands,
  alarm: RUN.in_alarm,
};

export function Uncertain({ page, live, pump, infusion }: InfusionProps) {
  return (
    <section class="narrow">
      <h2>{say(RUN.uncertain)}</h2>
      <p>
        <strong>{say(RUN.go_stop)}</strong>
      </p>
      <p>{say(RUN.not_repeated)}</p>
      <Facts>
        <Fact label={say(RUN.at_most_given)}>
          <Amount of={decimal(infusion.booked_ml, 2)} unit="mL" />
        </Fact>
        <Fact label={say(RUN.ordered)}>
          <Amount of={decimal(infusion.prescribed_ml)} unit="mL" />
        </Fact>
        <Fact label={say(RUN.pump_says)}>{say(REPORTED[pump.pump_state ?? ""] ?? RUN.nothing)}</Fact>
      </Facts>
      <Reconcile page={page} live={live} pump={pump} />
    </section>
  );
}
