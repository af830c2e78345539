// The patient's vital signs before and during an infusion: value, age and level. A missing sign is shown as missing.
// Which level it is, and whether a start is permitted, the gateway decides.

import { useState } from "preact/hooks";
import type { BedProps } from "./props.ts";
import { may, NeedsSignIn } from "./NeedsSignIn.tsx";
import { VitalsForm } from "./VitalsForm.tsx";
import { LEVEL, signRows } from "../state/signs.ts";
import { useNow } from "../state/store.ts";
import { ageText } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { ended } from "../words/terms.ts";
import { OBSERVE } from "../words/texts/observe.ts";

/** `start`: a start waits for them, so nobody signed in is asked to sign in. */
export function VitalSigns({ page, live, pump, start }: BedProps & { start?: boolean }) {
  const at = useNow(1000);
  const [open, setOpen] = useState(false);
  const { vitals, infusion } = pump;
  if (!vitals) return null;
  const since = Math.max(0, at - page.liveAt) / 1000;
  const session = infusion && !ended(infusion) ? infusion.session : "";
  return (
    <section class="signs" aria-label={say(OBSERVE.vital_signs_of_patient)}>
      <dl class="sign-list">
        {signRows(vitals.signs).map(({ name, label, value, unit, level, age_s, source }) => (
          <div class={`sign sign-${level}`} key={name} data-testid={name}>
            <dt>{label}</dt>
            <dd>
              {value === null ? (
                <span class="sign-value">{say(OBSERVE.level_missing)}</span>
              ) : (
                <span class="sign-value value">
                  <b class="digits">{value}</b> <small>{unit}</small>
                </span>
              )}
              <small>
                {(value !== null || level !== "missing") && (
                  <span class="sign-level">
                    <span aria-hidden="true">{LEVEL[level][0]}</span> {say(LEVEL[level][1])}
                  </span>
                )}{" "}
                {age_s !== null && say(OBSERVE.ago, { age: ageText(age_s + since) })}
                {age_s === null && value === null && say(OBSERVE.never_measured)}
                {source === "tablet" && `, ${say(OBSERVE.by_hand)}`}
              </small>
            </dd>
          </div>
        ))}
      </dl>
      {!live.person ? (
        start && <NeedsSignIn pump={pump.pump} what={say(OBSERVE.to_record_signs)} />
      ) : !may(page, "confirm") ? null : open ? (
        <>
          <VitalsForm pump={pump.pump} session={session} onSaved={() => setOpen(false)} />
          <button type="button" class="quiet" onClick={() => setOpen(false)}>
            {say(OBSERVE.close_without)}
          </button>
        </>
      ) : (
        <button type="button" onClick={() => setOpen(true)}>
          {say(OBSERVE.record_signs)}
        </button>
      )}
    </section>
  );
}
