// A bed without an infusion.

import type { BedProps } from "../parts/props.ts";
import { Association } from "../parts/Association.tsx";
import { GiveRest } from "../parts/GiveRest.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Fact, Facts } from "../parts/Facts.tsx";
import { SelfTestFailed } from "../parts/NotReady.tsx";
import { SelfTest } from "../parts/SelfTest.tsx";
import { VitalSigns } from "../parts/VitalSigns.tsx";
import { bedAddress } from "../state/route.ts";
import { lossOfControlSentence } from "../words/terms.ts";
import { reason } from "../words/reasons.ts";

export function Idle({ page, live, pump }: BedProps) {
  return (
    <section class="narrow">
      <h2>No infusion</h2>
      {pump.problem && (
        <p class="reasons" role="alert">
          The pump is not available: {reason(pump.problem)}
        </p>
      )}
      <SelfTestFailed pump={pump} />
      <GiveRest page={page} live={live} pump={pump} />
      {live.person ? (
        may(page, "prescribe") &&
        !pump.problem &&
        !pump.to_identify && (
          <a class="button primary" href={bedAddress(pump.pump, "order")}>
            Order an infusion
          </a>
        )
      ) : (
        <NeedsSignIn pump={pump.pump} what="order an infusion" />
      )}
      {live.person && !may(page, "prescribe") && (
        <p class="muted">To order, you and this tablet both need the role “prescribe”.</p>
      )}
      {live.person && (may(page, "prescribe") || may(page, "confirm")) && (
        <a class="button" href={bedAddress(pump.pump, "course")}>
          Treatments and course
        </a>
      )}
      <Association page={page} pump={pump} />
      {pump.patient && <VitalSigns page={page} live={live} pump={pump} />}
      <SelfTest live={live} pump={pump} />
      <PumpFacts pump={pump} alarmOutput={live.alarm_output} />
    </section>
  );
}

const sounder = (output: string | null): string =>
  output === null
    ? "None. Alarms sound on the tablets and at the pump."
    : output === "ok"
      ? "Works."
      : `Does not work: ${output}`;

function PumpFacts({ pump, alarmOutput }: Pick<BedProps, "pump"> & { alarmOutput: string | null | undefined }) {
  return (
    <Facts>
      <Fact label="Pump">{pump.model}</Fact>
      <Fact label="Serial">{pump.serial}</Fact>
      <Fact label="Identified by">{pump.proved_by ? reason(pump.proved_by) : "nothing yet"}</Fact>
      <Fact label="State">
        {pump.links?.["pump"] === "lost" ? "absent: it does not answer" : (pump.pump_state ?? "not read yet")}
      </Fact>
      {!!(pump.loss_of_control?.length || pump.loss_of_control_text) && (
        <Fact label="If the gateway fails" wide>
          {lossOfControlSentence(pump.loss_of_control, pump.loss_of_control_text)}
        </Fact>
      )}
      {alarmOutput !== undefined && (
        <Fact label="Alarm sounder of the gateway" wide>
          {sounder(alarmOutput)}
        </Fact>
      )}
    </Facts>
  );
}
