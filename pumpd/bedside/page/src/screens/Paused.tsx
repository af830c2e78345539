// A pause: how much time is left for it, and resuming, which takes a review and a hold again.

import { useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { RestOf } from "../parts/RestOf.tsx";
import { NotReady } from "../parts/NotReady.tsx";
import { VitalSigns } from "../parts/VitalSigns.tsx";
import { useNow } from "../state/store.ts";
import { act } from "../wire/connection.ts";
import { clock, decimal } from "../words/numbers.ts";
import { forPeople, sentence } from "../words/terms.ts";

export function Paused({ page, live, pump, infusion }: InfusionProps) {
  const at = useNow(500);
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const gone = (Math.max(0, at - page.liveAt) / 1000) * (live.time_scale ?? 1);
  const left = (seconds: number | null | undefined) =>
    clock(seconds === null || seconds === undefined ? null : seconds - gone);
  const resume = async () => {
    setBusy(true);
    const answer = await act("resume", { pump: pump.pump });
    setBusy(false);
    setReasons(answer.reasons);
  };
  const pausing = infusion.state === "pausing";
  return (
    <section class="narrow">
      <h2>{pausing ? "Pausing: waiting for the pump to stop" : "Paused. Nothing flows."}</h2>
      <p>{sentence(forPeople(infusion.reason))}</p>
      <RestOf page={page} live={live} pump={pump} infusion={infusion} />
      <Facts>
        <Fact label="Left for this pause" name="pause-left">
          <Amount of={left(pump.pause?.single_left_s)} unit="min" />
        </Fact>
        <Fact label="Left for all pauses" name="pause-total-left">
          <Amount of={left(pump.pause?.total_left_s)} unit="min" />
        </Fact>
        <Fact label="Pauses">{pump.pause ? `${pump.pause.used} of ${pump.pause.most}` : infusion.pauses}</Fact>
        <Fact label="Given">
          <Amount of={decimal(infusion.delivered_ml, 1)} unit="mL" />
        </Fact>
        <Fact label="Still to give">
          <Amount of={decimal(infusion.remaining_ml, 1)} unit="mL" />
        </Fact>
      </Facts>
      <NotReady pump={pump} />
      <VitalSigns page={page} live={live} pump={pump} start />
      <Reasons reasons={reasons} title="Not resumed" />
      {!pausing &&
        (live.person ? (
          may(page, "confirm") && (
            <button type="button" class="primary" disabled={busy} onClick={() => void resume()}>
              Resume: check the rest
            </button>
          )
        ) : (
          <NeedsSignIn pump={pump.pump} what="resume" />
        ))}
      <p class="muted">
        Resume loads the rest of the program and reads it back. Then you hold to start it. Missed volume is not caught
        up. Stop ends the infusion.
      </p>
    </section>
  );
}
