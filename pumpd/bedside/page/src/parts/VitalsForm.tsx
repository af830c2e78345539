// Vital signs that a person enters: before, during or after an infusion.

import { useState } from "preact/hooks";
import { VITAL_FIELDS, vitalsOf } from "../state/signs.ts";
import { act } from "../wire/connection.ts";
import { say } from "../words/say.ts";
import { OBSERVE } from "../words/texts/observe.ts";
import { Reasons } from "./Reasons.tsx";

/** `session`: the infusion that they belong to; empty before there is one. */
export function VitalsForm({ pump, session, onSaved }: { pump: string; session: string; onSaved?: () => void }) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const save = async (event: Event) => {
    event.preventDefault();
    const { numbers, wrong } = vitalsOf(values);
    if (wrong.length) return setReasons(wrong);
    setBusy(true);
    const answer = await act("vitals", { pump, session, ...numbers });
    setBusy(false);
    setReasons(answer.reasons);
    if (!answer.ok) return;
    setValues({});
    onSaved?.();
  };
  return (
    <>
      <form class="vitals" onSubmit={(event) => void save(event)} aria-label={say(OBSERVE.vital_signs)}>
        {VITAL_FIELDS.map(({ name, label, unit }) => (
          <label class="field" key={name}>
            <span>{say(label)}</span>
            <span class="with-unit">
              <input
                name={name}
                inputMode="numeric"
                autocomplete="off"
                value={values[name] ?? ""}
                onInput={(event) => setValues({ ...values, [name]: event.currentTarget.value.trim() })}
              />
              <b>{unit}</b>
            </span>
          </label>
        ))}
        <button type="submit" class="primary" disabled={busy}>
          {say(OBSERVE.record)}
        </button>
      </form>
      <Reasons reasons={reasons} title={say(OBSERVE.not_recorded)} />
    </>
  );
}
