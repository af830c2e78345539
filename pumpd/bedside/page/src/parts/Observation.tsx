// The observation after an infusion: how long the patient stays, and the vital signs.

import { useState } from "preact/hooks";
import type { BedProps } from "./props.ts";
import { gatewayNow } from "../state/fresh.ts";
import { isReason, LONGEST_TEXT } from "../state/limits.ts";
import { useNow } from "../state/store.ts";
import type { Observation } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { clock, NONE, wallClock } from "../words/numbers.ts";
import { say, type Text } from "../words/say.ts";
import { OBSERVE } from "../words/texts/observe.ts";
import { Lacking } from "./Lacking.tsx";
import { may, NeedsSignIn } from "./NeedsSignIn.tsx";
import { Reasons } from "./Reasons.tsx";
import { VitalsForm } from "./VitalsForm.tsx";

/** An early end needs a reason. */
function EndPart({ early, busy, onEnd }: { early: boolean; busy: boolean; onEnd: (reason: string) => void }) {
  const [open, setOpen] = useState(false);
  const [reason, setReason] = useState("");
  const short = !isReason(reason);
  if (!early)
    return (
      <button type="button" class="primary" disabled={busy} onClick={() => onEnd("")}>
        {say(OBSERVE.end)}
      </button>
    );
  if (!open)
    return (
      <button type="button" class="quiet" onClick={() => setOpen(true)}>
        {say(OBSERVE.end_early)}
      </button>
    );
  return (
    <div class="stack">
      <label class="field">
        <span>{say(OBSERVE.why_early)}</span>
        <input
          name="end-reason"
          autocomplete="off"
          maxLength={LONGEST_TEXT}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      <Lacking of={short ? [say(OBSERVE.need_reason)] : []} />
      <div class="acts">
        <button type="button" disabled={busy || short} onClick={() => onEnd(reason.trim())}>
          {say(OBSERVE.end)}
        </button>
        <button type="button" class="quiet" onClick={() => setOpen(false)}>
          {say(OBSERVE.continue)}
        </button>
      </div>
    </div>
  );
}

const inUnit = (what: Text, unit: string): string => say(OBSERVE.in_unit, { what: say(what), unit });

export function ObservationPart({ page, live, pump, observation }: BedProps & { observation: Observation }) {
  const at = useNow(1000);
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const wall = gatewayNow(page, at) ?? 0;
  const scale = live.time_scale ?? 1;
  const left =
    observation.left_s === undefined
      ? ((Date.parse(observation.until_ts) - wall) / 1000) * scale
      : Math.max(0, observation.left_s - (Math.max(0, at - page.liveAt) / 1000) * scale);
  const breaths = observation.vitals.some((each) => each.respiration_per_min != null);
  const due = observation.vitals_due_ts ? ((Date.parse(observation.vitals_due_ts) - wall) / 1000) * scale : null;
  const end = async (reason: string) => {
    setBusy(true);
    const answer = await act("end_observation", { pump: pump.pump, session: observation.session, reason });
    setBusy(false);
    setReasons(answer.reasons);
  };
  return (
    <section class="observation" aria-label={say(OBSERVE.observation)}>
      <h2>
        {observation.patient ? say(OBSERVE.observation_of, { patient: observation.patient }) : say(OBSERVE.observation)}
      </h2>
      <div class="timers">
        <p>
          <span class="timer digits" role="timer" data-testid="observation-left">
            {left > 0 ? clock(left) : "0:00"}
          </span>{" "}
          {left > 0
            ? say(OBSERVE.left_until, { time: wallClock(observation.until_ts, live.utc_offset_min) })
            : say(OBSERVE.time_is_up)}
        </p>
        {due !== null && (
          <p class={due <= 0 ? "due" : ""}>
            <span class="timer digits" role="timer">
              {due > 0 ? clock(due) : say(OBSERVE.now)}
            </span>{" "}
            {say(due > 0 ? OBSERVE.to_next : OBSERVE.signs_due)}
          </p>
        )}
      </div>
      {live.person && may(page, "confirm") ? (
        <VitalsForm pump={pump.pump} session={observation.session} />
      ) : (
        !live.person && <NeedsSignIn pump={pump.pump} what={say(OBSERVE.to_record_signs)} />
      )}
      {live.person && may(page, "confirm") && (
        <EndPart early={left > 0} busy={busy} onEnd={(reason) => void end(reason)} />
      )}
      <Reasons reasons={reasons} title={say(OBSERVE.not_ended)} />
      {!!observation.missed && <p class="note">{say(OBSERVE.missed, { n: observation.missed })}</p>}
      {observation.vitals.length > 0 && (
        <table>
          <caption class="unseen">{say(OBSERVE.signs_so_far)}</caption>
          <thead>
            <tr>
              <th scope="col">{say(OBSERVE.time)}</th>
              <th scope="col">{inUnit(OBSERVE.blood_pressure, "mmHg")}</th>
              <th scope="col">{inUnit(OBSERVE.heart_rate, "/min")}</th>
              <th scope="col">{inUnit(OBSERVE.spo2, "%")}</th>
              {breaths && <th scope="col">{inUnit(OBSERVE.respiration, "/min")}</th>}
            </tr>
          </thead>
          <tbody>
            {observation.vitals.map((each) => (
              <tr key={each.ts}>
                <th scope="row" class="digits">
                  {wallClock(each.ts, live.utc_offset_min)}
                </th>
                <td class="digits">
                  {each.systolic_mmhg ?? NONE}/{each.diastolic_mmhg ?? NONE}
                </td>
                <td class="digits">{each.heart_rate_bpm ?? NONE}</td>
                <td class="digits">{each.spo2_percent ?? NONE}</td>
                {breaths && <td class="digits">{each.respiration_per_min ?? NONE}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
