// The patient of a pump, and changing it. No infusion starts on a pump of another patient (PRG-21).

import { useState } from "preact/hooks";
import { Reasons } from "./Reasons.tsx";
import { Scan } from "./Scan.tsx";
import { may } from "./NeedsSignIn.tsx";
import type { Page } from "../state/page.ts";
import type { Pump } from "../state/types.ts";
import { act } from "../wire/connection.ts";

export function Association({ page, pump, waiting }: { page: Page; pump: Pump; waiting?: boolean }) {
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const change = async (op: string, fields: Record<string, string>) => {
    setBusy(true);
    const answer = await act(op, { pump: pump.pump, ...fields });
    setBusy(false);
    setReasons(answer.ok ? [] : answer.reasons);
  };
  return (
    <section class="association" aria-label="Patient of this pump">
      <p>
        Patient of this pump: <b data-testid="associated">{pump.patient ?? "none"}</b>
        {pump.patient && may(page, "confirm") && (
          <button type="button" class="quiet" disabled={busy} onClick={() => void change("dissociate", {})}>
            End the association
          </button>
        )}
      </p>
      {may(page, "confirm") && (
        <Scan
          label="Associate with a patient"
          hint="Scan the wristband, or type the patient token. Never a name."
          button="Associate"
          busy={busy}
          {...(waiting ? { waiting } : {})}
          onScan={(patient) => void change("associate", { patient })}
        />
      )}
      <Reasons reasons={reasons} title="Not changed" />
    </section>
  );
}
