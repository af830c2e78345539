// The patient of a pump, and changing it. No infusion starts on a pump of another patient (PRG-21).

import { useEffect, useState } from "preact/hooks";
import { broughtTo, takeBrought } from "./bed_scan.ts";
import { Reasons } from "./Reasons.tsx";
import { Scan } from "./Scan.tsx";
import { may } from "./NeedsSignIn.tsx";
import { bedAddress, go } from "../state/route.ts";
import type { Page } from "../state/page.ts";
import type { Pump } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { say } from "../words/say.ts";
import { ended } from "../words/terms.ts";
import { BEDS } from "../words/texts/beds.ts";

interface Props {
  page: Page;
  pump: Pump;
  /** The wristband is the next thing to do. */
  waiting?: boolean;
}

/** Whether this person may order an infusion on this pump now: then a scan of the wristband opens the order. */
export const takesOrder = (page: Page, { problem, to_identify, infusion }: Pump): boolean =>
  may(page, "prescribe") && !problem && !to_identify && (!infusion || ended(infusion));

export function Association({ page, pump, waiting }: Props) {
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [other, setOther] = useState(false);
  const changes = may(page, "confirm");
  const opens = takesOrder(page, pump);
  const change = async (op: string, fields: Record<string, string>) => {
    setBusy(true);
    const answer = await act(op, { pump: pump.pump, ...fields });
    setBusy(false);
    setReasons(answer.ok ? [] : answer.reasons);
    if (!answer.ok) return;
    setOther(false);
    if (fields["patient"] && opens) go(bedAddress(pump.pump, "order"));
  };
  useEffect(() => {
    const patient = changes && !pump.patient ? takeBrought(pump.pump) : null;
    const badge = page.live?.person?.badge; // which she may have scanned to sign in
    if (patient && patient !== badge) void change("associate", { patient });
  }, [changes]);
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
          hint={opens ? `${say(BEDS.scan_hint)} ${say(BEDS.then_order)}` : say(BEDS.scan_hint)}
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

/** What the wristband that opened this bed waits for. */
export function Brought({ page, pump }: Props) {
  const token = page.live?.person || pump.patient ? null : broughtTo(pump.pump);
  return token && <p class="note">{say(BEDS.scanned_here, { token, bed: pump.pump })}</p>;
}
