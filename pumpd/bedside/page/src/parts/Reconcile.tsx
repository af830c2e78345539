// Settling an uncertain delivery: the volume on the pump's display, and why it is right.

import { useState } from "preact/hooks";
import type { InfusionProps } from "./props.ts";
import type { Pump } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { may } from "./NeedsSignIn.tsx";
import { Reasons } from "./Reasons.tsx";
import { SignInFirst } from "./SignInFirst.tsx";
import { say } from "../words/say.ts";
import { RECONCILE } from "../words/texts/ended.ts";
import { RUN } from "../words/texts/run.ts";

/** Whether the gateway is uncertain about the delivery, in any state of the infusion. */
export const uncertain = (pump: Pump): boolean =>
  (pump.alarms ?? []).some(({ code }) => code === "delivery_uncertain" || code === "stop_unconfirmed");

/** Volume of the present program, which a volume that was entered only once may not exceed. */
const programMl = (pump: Pump): number =>
  (pump.flow_profile ?? []).reduce((sum, step) => sum + Number(step.volume_ml), 0);

export function Reconcile({ page, live, pump }: Pick<InfusionProps, "page" | "live" | "pump">) {
  const [volume, setVolume] = useState("");
  const [again, setAgain] = useState("");
  const [reason, setReason] = useState("");
  const [stopped, setStopped] = useState(false);
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  if (!live.person) return <SignInFirst pump={pump.pump}>{say(RUN.sign_in_to_reconcile)}</SignInFirst>;
  if (!may(page, "confirm")) return null;
  const more = Number(volume) > programMl(pump);
  const reconcile = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const twice = more ? { volume_again: `${again.trim()} mL` } : {};
    const fields = { volume: `${volume.trim()} mL`, reason, seen_stopped: stopped };
    const answer = await act("reconcile", { pump: pump.pump, ...fields, ...twice });
    setBusy(false);
    setReasons(answer.reasons);
  };
  return (
    <form class="stack" aria-label={say(RECONCILE.form)} onSubmit={(event) => void reconcile(event)}>
      <label class="field">
        <span>{say(RECONCILE.volume)}</span>
        <span class="with-unit">
          <input
            name="volume"
            inputMode="decimal"
            autocomplete="off"
            value={volume}
            onInput={(event) => setVolume(event.currentTarget.value)}
          />
          <b>mL</b>
        </span>
      </label>
      {more && (
        <label class="field">
          <span>{say(RECONCILE.volume_again)}</span>
          <span class="with-unit">
            <input
              name="volume-again"
              inputMode="decimal"
              autocomplete="off"
              value={again}
              onInput={(event) => setAgain(event.currentTarget.value)}
            />
            <b>mL</b>
          </span>
        </label>
      )}
      <label class="field">
        <span>{say(RECONCILE.why)}</span>
        <input
          name="reason"
          autocomplete="off"
          maxLength={200}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
          placeholder={say(RECONCILE.example)}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          name="seen-stopped"
          checked={stopped}
          onChange={(event) => setStopped(event.currentTarget.checked)}
        />
        <span>{say(RECONCILE.at_pump)}</span>
      </label>
      <Reasons reasons={reasons} title={say(RECONCILE.not_accepted)} />
      <button type="submit" class="primary" disabled={busy || !volume || !reason || !stopped || (more && !again)}>
        {say(RECONCILE.confirm)}
      </button>
      <p class="muted">{say(RECONCILE.ends)}</p>
    </form>
  );
}
