// The patient of a pump, and changing it. No infusion starts on a pump of another patient (PRG-21).

import { useState } from "preact/hooks";
import { Reasons } from "./Reasons.tsx";
import { Scan } from "./Scan.tsx";
import { may } from "./NeedsSignIn.tsx";
import type { Page } from "../state/page.ts";
import type { Pump } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { say } from "../words/say.ts";
import { BEDS } from "../words/texts/beds.ts";

interface Props {
  page: Page;
  pump: Pump;
  /** The wristband is the next thing to do. */
  waiting?: boolean;
  /** Called once the pump has this patient; `hint`: what then happens. */
  after?: { hint: string; go: (patient: string) => void };
}

export function Association({ page, pump, waiting, after }: Props) {
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [other, setOther] = useState(false);
  const changes = may(page, "confirm");
  const change = async (op: string, fields: Record<string, string>) => {
    setBusy(true);
    const answer = await act(op, { pump: pump.pump, ...fields });
    setBusy(false);
    setReasons(answer.ok ? [] : answer.reasons);
    if (!answer.ok) return;
    setOther(false);
    if (fields["patient"]) after?.go(fields["patient"]);
  };
  const asks = changes && (!pump.patient || other);
  return (
    <section class="association" aria-label={say(BEDS.of_pump)}>
      <p>
        {say(BEDS.of_pump)}: <b data-testid="associated">{pump.patient ?? say(BEDS.nobody)}</b>
        {pump.patient && changes && (
          <>
            <button type="button" class="quiet" disabled={busy} onClick={() => void change("dissociate", {})}>
              {say(BEDS.end)}
            </button>
            {!other && (
              <button type="button" class="quiet" disabled={busy} onClick={() => setOther(true)}>
                {say(BEDS.other_patient)}
              </button>
            )}
          </>
        )}
      </p>
      {asks && (
        <Scan
          label={say(BEDS.associate_with)}
          hint={after ? `${say(BEDS.scan_hint)} ${after.hint}` : say(BEDS.scan_hint)}
          button={say(BEDS.associate)}
          busy={busy}
          waiting={waiting || other}
          onScan={(patient) => void change("associate", { patient })}
        />
      )}
      {!changes && !pump.patient && page.live?.person && <p class="muted">{say(BEDS.needs_confirm)}</p>}
      <Reasons reasons={reasons} title={say(BEDS.not_changed)} />
    </section>
  );
}
