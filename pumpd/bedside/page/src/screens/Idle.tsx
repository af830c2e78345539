// A bed without an infusion: who the patient is, and the way to an order. One scan of the wristband does both.

import type { BedProps } from "../parts/props.ts";
import { Association, Brought, takesOrder } from "../parts/Association.tsx";
import { GiveRest } from "../parts/GiveRest.tsx";
import { may } from "../parts/NeedsSignIn.tsx";
import { Fact, Facts } from "../parts/Facts.tsx";
import { SelfTestFailed } from "../parts/NotReady.tsx";
import { SelfTest } from "../parts/SelfTest.tsx";
import { SignInHere } from "../parts/SignInHere.tsx";
import { VitalSigns } from "../parts/VitalSigns.tsx";
import { bedAddress } from "../state/route.ts";
import { reason } from "../words/reasons.ts";
import { say, type Text } from "../words/say.ts";
import { lossOfControlSentence } from "../words/terms.ts";
import { BEDS, PUMP_STATE } from "../words/texts/beds.ts";
import { ORDER } from "../words/texts/order.ts";

export function Idle({ page, live, pump }: BedProps) {
  const [orders, confirms] = [may(page, "prescribe"), may(page, "confirm")];
  const usable = !pump.problem && !pump.to_identify;
  const opens = takesOrder(page, pump);
  return (
    <section class="narrow">
      <h2>{say(BEDS.no_infusion)}</h2>
      {pump.problem && (
        <p class="reasons" role="alert">
          {say(BEDS.unavailable, { why: reason(pump.problem) })}
        </p>
      )}
      <SelfTestFailed pump={pump} />
      <GiveRest page={page} live={live} pump={pump} />
      <Brought page={page} pump={pump} />
      {!live.person && usable && <SignInHere what={say(ORDER.to_order)} />}
      {opens && (pump.patient || !confirms) && (
        <a class="button primary" href={bedAddress(pump.pump, "order")}>
          {pump.patient ? say(BEDS.order_for, { patient: pump.patient }) : say(BEDS.order)}
        </a>
      )}
      {live.person && !orders && <p class="muted">{say(confirms ? ORDER.needs_prescribe : BEDS.view_only)}</p>}
      {(live.person || pump.patient) && <Association page={page} pump={pump} waiting={opens && !pump.patient} />}
      {(orders || confirms) && (
        <a class="button" href={bedAddress(pump.pump, "course")}>
          {say(BEDS.treatments)}
        </a>
      )}
      {pump.patient && <VitalSigns page={page} live={live} pump={pump} />}
      <SelfTest live={live} pump={pump} />
      <PumpFacts pump={pump} alarmOutput={live.alarm_output} />
    </section>
  );
}

const sounder = (output: string | null): string =>
  output === null
    ? say(BEDS.sounder_none)
    : output === "ok"
      ? say(BEDS.sounder_works)
      : say(BEDS.sounder_broken, { why: output });

/** The pump's own state in words. One that a newer gateway knows keeps its own word. */
function stateOf(pump: BedProps["pump"]): string {
  if (pump.links?.["pump"] === "lost") return say(BEDS.absent);
  if (!pump.pump_state) return say(BEDS.not_read);
  const known = (PUMP_STATE as Record<string, Text>)[pump.pump_state];
  return known ? say(known) : pump.pump_state;
}

function PumpFacts({ pump, alarmOutput }: Pick<BedProps, "pump"> & { alarmOutput: string | null | undefined }) {
  return (
    <Facts>
      <Fact label={say(BEDS.pump)}>{pump.model}</Fact>
      <Fact label={say(BEDS.serial)}>{pump.serial}</Fact>
      <Fact label={say(BEDS.identified_by)}>{pump.proved_by ? reason(pump.proved_by) : say(BEDS.nothing_yet)}</Fact>
      <Fact label={say(BEDS.state)}>{stateOf(pump)}</Fact>
      {!!(pump.loss_of_control?.length || pump.loss_of_control_text) && (
        <Fact label={say(BEDS.if_gateway_fails)} wide>
          {lossOfControlSentence(pump.loss_of_control, pump.loss_of_control_text)}
        </Fact>
      )}
      {alarmOutput !== undefined && (
        <Fact label={say(BEDS.sounder)} wide>
          {sounder(alarmOutput)}
        </Fact>
      )}
    </Facts>
  );
}
