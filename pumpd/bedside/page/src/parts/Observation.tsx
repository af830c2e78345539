// The time after the infusion: how long the patient stays, when vital signs are due, and writing them down.

import { useState } from "preact/hooks";
import type { InfusionProps } from "../screens/Bed.tsx";
import { gatewayNow } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Observation } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { clock, NONE, wallClock } from "../words/figures.ts";
import { may, NeedsSignIn } from "./NeedsSignIn.tsx";
import { Reasons } from "./Reasons.tsx";

const FIELDS = [
  ["systolic_mmhg", "Systolic", "mmHg"],
  ["diastolic_mmhg", "Diastolic", "mmHg"],
  ["heart_rate_bpm", "Heart rate", "/min"],
  ["spo2_percent", "SpO₂", "%"],
] as const;

export function ObservationPart({ page, live, pump, observation }: InfusionProps & { observation: Observation }) {
  const at = useNow(1000);
  const [values, setValues] = useState<Record<string, string>>({});
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const wall = gatewayNow(page, at) ?? 0;
  const scale = live.time_scale ?? 1;
  const left = ((Date.parse(observation.until_ts) - wall) / 1000) * scale;
  const due = observation.vitals_due_ts ? ((Date.parse(observation.vitals_due_ts) - wall) / 1000) * scale : null;
  const ask = async (op: string, fields: Record<string, unknown>) => {
    setBusy(true);
    const answer = await act(op, { pump: pump.pump, ...fields });
    setBusy(false);
    setReasons(answer.reasons);
    if (answer.ok) setValues({});
  };
  const save = (event: Event) => {
    event.preventDefault();
    const bad = FIELDS.filter(([name]) => !/^\d{1,3}$/.test(values[name] ?? "")).map(([, label]) => `${label} is a whole number of up to three figures`);
    if (bad.length) return setReasons(bad);
    return void ask("vitals", Object.fromEntries(FIELDS.map(([name]) => [name, Number(values[name])])));
  };
  return (
    <section class="observation" aria-label="Observation">
      <h2>Observation</h2>
      <div class="timers">
        <p><span class="timer figures" role="timer" data-testid="observation-left">{left > 0 ? clock(left) : "0:00"}</span> {left > 0 ? `left, until ${wallClock(observation.until_ts, live.utc_offset_min)}` : "the time is over"}</p>
        {due !== null && <p class={due <= 0 ? "due" : ""}><span class="timer figures" role="timer">{due > 0 ? clock(due) : "now"}</span> {due > 0 ? "to the next vital signs" : "vital signs are due"}</p>}
      </div>
      {live.person && may(page, "confirm") ? (
        <form class="vitals" onSubmit={save} aria-label="Vital signs">
          {FIELDS.map(([name, label, unit]) => (
            <label class="field" key={name}><span>{label}</span>
              <span class="with-unit"><input name={name} inputMode="numeric" autocomplete="off" value={values[name] ?? ""} onInput={(event) => setValues({ ...values, [name]: event.currentTarget.value.trim() })} /><b>{unit}</b></span>
            </label>
          ))}
          <button type="submit" class="primary" disabled={busy}>Write down</button>
          {left <= 0 && <button type="button" disabled={busy} onClick={() => void ask("end_observation", {})}>End the observation</button>}
        </form>
      ) : !live.person && <NeedsSignIn pump={pump.pump} what="write down vital signs" />}
      <Reasons reasons={reasons} title="Not written" />
      {observation.vitals.length > 0 && (
        <table>
          <caption class="unseen">Vital signs so far</caption>
          <thead><tr><th scope="col">Time</th><th scope="col">Pressure, mmHg</th><th scope="col">Heart rate, /min</th><th scope="col">SpO₂, %</th></tr></thead>
          <tbody>
            {observation.vitals.map((each) => (
              <tr key={each.ts}><th scope="row" class="figures">{wallClock(each.ts, live.utc_offset_min)}</th>
                <td class="figures">{each.systolic_mmhg ?? NONE}/{each.diastolic_mmhg ?? NONE}</td><td class="figures">{each.heart_rate_bpm ?? NONE}</td><td class="figures">{each.spo2_percent ?? NONE}</td></tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
