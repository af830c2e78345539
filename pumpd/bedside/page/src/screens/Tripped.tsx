// Stopped by an interlock: the cause, what to check, and clearing it afterwards.

import { useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { SYMBOL, WORD } from "../alarm/active.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { uncertain, Reconcile } from "../parts/Reconcile.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { act } from "../wire/connection.ts";
import { decimal } from "../words/numbers.ts";
import { forPeople, sentence } from "../words/terms.ts";

export function Tripped({ page, live, pump, infusion }: InfusionProps) {
  const [checked, setChecked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const clear = async () => {
    setBusy(true);
    const answer = await act("clear", { pump: pump.pump });
    setBusy(false);
    setReasons(answer.reasons);
  };
  const after =
    infusion.trip_resumable === true
      ? "Clearing the alarm leads to a pause. You can resume from there."
      : infusion.trip_resumable === false
        ? "Clearing the alarm ends this infusion. It cannot continue after this cause."
        : "Clearing the alarm leads to a pause, or ends the infusion if it cannot continue after this cause.";
  return (
    <section class="narrow">
      <h2>Stopped by an alarm. Nothing flows.</h2>
      <p>{sentence(forPeople(infusion.reason))}</p>
      <ul class="causes" aria-label="Causes">
        {(pump.alarms ?? []).map((alarm) => (
          <li key={alarm.code}>
            <b aria-label={`${WORD[alarm.priority]} priority`}>{SYMBOL[alarm.priority]}</b> {alarm.cause}.{" "}
            <strong>{alarm.action}.</strong>
          </li>
        ))}
      </ul>
      <Facts>
        <Fact label="Given">
          <Amount of={decimal(infusion.delivered_ml, 2)} unit="mL" />
        </Fact>
        <Fact label="At most given">
          <Amount of={decimal(infusion.booked_ml, 2)} unit="mL" />
        </Fact>
        <Fact label="Ordered">
          <Amount of={decimal(infusion.prescribed_ml)} unit="mL" />
        </Fact>
      </Facts>
      {uncertain(pump) && <Reconcile page={page} live={live} pump={pump} />}
      {live.person && may(page, "confirm") && (
        <>
          <label class="check">
            <input type="checkbox" checked={checked} onChange={(event) => setChecked(event.currentTarget.checked)} /> I
            have checked the pump, the line and the patient
          </label>
          <button type="button" class="primary" disabled={!checked || busy} onClick={() => void clear()}>
            Clear the alarm
          </button>
        </>
      )}
      {!live.person && <NeedsSignIn pump={pump.pump} what="clear the alarm" />}
      <Reasons reasons={reasons} title="Not cleared" />
      <p class="muted">{after} Stop ends the infusion.</p>
    </section>
  );
}
