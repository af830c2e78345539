// Stopped by an interlock: the cause, what to look at, and clearing it after that.

import { useState } from "preact/hooks";
import type { InfusionProps } from "./Bed.tsx";
import { SYMBOL, WORD } from "../alarm/active.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { inDoubt, Reconcile } from "../parts/Reconcile.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { act } from "../wire/connection.ts";
import { figure } from "../words/figures.ts";
import { forPeople, sentence } from "../words/terms.ts";

export function Tripped({ page, live, pump, infusion }: InfusionProps) {
  const [looked, setLooked] = useState(false);
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
      ? "Clearing leads to a pause, from which you can resume."
      : infusion.trip_resumable === false
        ? "Clearing ends this infusion: this cause does not allow it to go on."
        : "Clearing leads to a pause, or ends the infusion where its cause does not allow it to go on.";
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
          <Amount of={figure(infusion.delivered_ml, 2)} unit="mL" />
        </Fact>
        <Fact label="Booked, at the worst">
          <Amount of={figure(infusion.booked_ml, 2)} unit="mL" />
        </Fact>
        <Fact label="Ordered">
          <Amount of={figure(infusion.prescribed_ml)} unit="mL" />
        </Fact>
      </Facts>
      {inDoubt(pump) && <Reconcile page={page} live={live} pump={pump} />}
      {live.person && may(page, "confirm") && (
        <>
          <label class="check">
            <input type="checkbox" checked={looked} onChange={(event) => setLooked(event.currentTarget.checked)} /> I
            have looked at the pump, the line and the patient
          </label>
          <button type="button" class="primary" disabled={!looked || busy} onClick={() => void clear()}>
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
