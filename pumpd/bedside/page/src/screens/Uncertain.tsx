// It is not known what the pump gave. Only a person at the pump can say: the volume on its display, and why.

import { useState } from "preact/hooks";
import type { InfusionProps } from "./Bed.tsx";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { act } from "../wire/connection.ts";
import { figure } from "../words/figures.ts";
import { forPeople, sentence } from "../words/terms.ts";

export function Uncertain({ page, live, pump, infusion }: InfusionProps) {
  const [volume, setVolume] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const reconcile = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const answer = await act("reconcile", { pump: pump.pump, volume: `${volume.trim()} mL`, reason });
    setBusy(false);
    setReasons(answer.reasons);
  };
  return (
    <section class="narrow">
      <h2>Uncertain: the pump may be flowing</h2>
      <p><strong>Go to the pump. Stop it there and clamp the line.</strong> {sentence(forPeople(infusion.reason))}</p>
      <p>pumpd does not send the start again and goes on trying to stop the pump.</p>
      <Facts>
        <Fact label="Booked, at the worst"><Amount of={figure(infusion.booked_ml, 2)} unit="mL" /></Fact>
        <Fact label="Ordered"><Amount of={figure(infusion.prescribed_ml)} unit="mL" /></Fact>
        <Fact label="Pump says">{pump.pump_state ?? "nothing"}</Fact>
      </Facts>
      {live.person && may(page, "confirm") ? (
        <form class="stack" onSubmit={(event) => void reconcile(event)}>
          <label class="field"><span>Volume on the pump's display</span>
            <span class="with-unit"><input name="volume" inputMode="decimal" autocomplete="off" value={volume} onInput={(event) => setVolume(event.currentTarget.value)} /><b>mL</b></span>
          </label>
          <label class="field"><span>Why this is right</span>
            <input name="reason" autocomplete="off" maxLength={200} value={reason} onInput={(event) => setReason(event.currentTarget.value)} placeholder="for example: read at the pump, it stands still" />
          </label>
          <Reasons reasons={reasons} title="Not taken" />
          <button type="submit" class="primary" disabled={busy || !volume || !reason}>End the doubt with this volume</button>
          <p class="muted">This ends the infusion. The volume and your reason go into the journal.</p>
        </form>
      ) : !live.person && <NeedsSignIn pump={pump.pump} what="say what the pump gave" />}
    </section>
  );
}
