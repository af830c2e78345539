// Stopped by an alarm: what, since when, what to do in steps, and clearing it afterwards.

import { useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { alarmsOf, WORD } from "../alarm/active.ts";
import { Symbol } from "../parts/AlarmBanner.tsx";
import { NotMine } from "../parts/Act.tsx";
import { Dock } from "../parts/dock.tsx";
import { may } from "../parts/NeedsSignIn.tsx";
import { uncertain, Reconcile } from "../parts/Reconcile.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { SharesTable } from "../parts/Shares.tsx";
import { SignInFirst } from "../parts/SignInFirst.tsx";
import { act } from "../wire/connection.ts";
import { decimal, wallClock } from "../words/numbers.ts";
import { reason } from "../words/reasons.ts";
import { say } from "../words/say.ts";
import { forPeople, sentence } from "../words/terms.ts";
import { ALARM } from "../words/texts/alarm.ts";
import { RUN } from "../words/texts/run.ts";
import { TRIPPED } from "../words/texts/tripped.ts";

/** The name of the alarm inside pumpd, with which the reason of a trip begins. */
const CODE = /^[a-z_]+: /;

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
  const resumable = infusion.trip_resumable;
  const after =
    resumable === true ? TRIPPED.after_pause : resumable === false ? TRIPPED.after_end : TRIPPED.after_either;
  const alarms = alarmsOf(pump);
  const latched = alarms.filter(({ code }) => infusion.trips.includes(code)); // others are in the line of alarms only
  const mayClear = !!live.person && may(page, "confirm");
  return (
    <section class="sides">
      <div>
        <h2>{say(TRIPPED.tripped)}</h2>
        <ul class="causes" aria-label={say(TRIPPED.causes)}>
          {(latched.length ? latched : alarms).map((alarm) => (
            <li key={alarm.code} class={`alarm-${alarm.priority}`}>
              <Symbol priority={alarm.priority} />
              <div>
                <b aria-label={`${say(TRIPPED.priority, { priority: WORD[alarm.priority] })}: ${alarm.cause}`}>
                  {alarm.cause}
                </b>{" "}
                {alarm.raised_ts && (
                  <span class="muted">
                    {say(ALARM.since, { time: wallClock(alarm.raised_ts, live.utc_offset_min) })}
                  </span>
                )}
                <ul class="steps">
                  {alarm.steps.map((step) => (
                    <li key={step}>{step}</li>
                  ))}
                </ul>
              </div>
            </li>
          ))}
        </ul>
        <p class="muted">{sentence(forPeople(reason(infusion.reason)).replace(CODE, ""))}</p>
      </div>
      <div>
        {mayClear && (
          <label class="check">
            <input type="checkbox" checked={checked} onChange={(event) => setChecked(event.currentTarget.checked)} />{" "}
            {say(TRIPPED.checked)}
          </label>
        )}
        <Reasons reasons={reasons} title={say(TRIPPED.not_cleared)} />
        <SharesTable of={infusion} places={2} />
        {uncertain(pump) && <p>{say(ALARM.given_at_most, { ml: decimal(infusion.booked_ml, 2) })}</p>}
        {uncertain(pump) && <Reconcile page={page} live={live} pump={pump} />}
        <p class="muted">
          {say(after)} {say(RUN.stop_means)}
        </p>
      </div>
      <Dock>
        {!live.person ? (
          <SignInFirst pump={pump.pump}>{say(RUN.sign_in_to_clear)}</SignInFirst>
        ) : !mayClear ? (
          <NotMine label={say(TRIPPED.clear)} />
        ) : (
          <button type="button" class="primary" disabled={!checked || busy} onClick={() => void clear()}>
            <span>
              {say(TRIPPED.clear)}
              {!checked && <small class="why-grey">{say(TRIPPED.tick_first)}</small>}
            </span>
          </button>
        )}
      </Dock>
    </section>
  );
}
