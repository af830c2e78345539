// Settling an uncertain delivery: the volume on the pump's display, and why it is right.

import { useState } from "preact/hooks";
import type { InfusionProps } from "./props.ts";
import { isReason, LONGEST_TEXT } from "../state/limits.ts";
import type { Pump } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { NumberField } from "./Fields.tsx";
import { Lacking } from "./Lacking.tsx";
import { may } from "./NeedsSignIn.tsx";
import { Reasons } from "./Reasons.tsx";
import { SignInFirst } from "./SignInFirst.tsx";
import { entered } from "../words/entering.ts";
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
  const [read, twice] = [entered(volume, "mL"), entered(again, "mL")];
  const more = Number(read.number) > programMl(pump);
  const lacks = [
    ...(read.number ? [] : [RECONCILE.need_volume]),
    ...(more && !twice.number ? [RECONCILE.need_again] : []),
    ...(isReason(reason) ? [] : [RECONCILE.need_reason]),
    ...(stopped ? [] : [RECONCILE.need_tick]),
  ];
  const reconcile = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const checked = more ? { volume_again: `${twice.number} mL` } : {};
    const fields = { volume: `${read.number} mL`, reason, seen_stopped: stopped };
    const answer = await act("reconcile", { pump: pump.pump, ...fields, ...checked });
    setBusy(false);
    setReasons(answer.reasons);
  };
  return (
    <form class="stack" aria-label={say(RECONCILE.form)} onSubmit={(event) => void reconcile(event)}>
      <NumberField
        label={say(RECONCILE.volume)}
        unit="mL"
        name="volume"
        value={volume}
        onValue={setVolume}
        problems={[]}
      />
      {more && (
        <NumberField
          label={say(RECONCILE.volume_again)}
          unit="mL"
          name="volume-again"
          value={again}
          onValue={setAgain}
          problems={[]}
        />
      )}
      <label class="field">
        <span>{say(RECONCILE.why)}</span>
        <input
          name="reason"
          autocomplete="off"
          maxLength={LONGEST_TEXT}
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
      <Lacking of={lacks.map((each) => say(each))} />
      <button type="submit" class="primary" disabled={busy || lacks.length > 0}>
        {say(RECONCILE.confirm)}
      </button>
      <p class="muted">{say(RECONCILE.ends)}</p>
    </form>
  );
}
