// Before the first message of the gateway. If none comes, the nurse is sent to the pump.

import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import { reason } from "../words/reasons.ts";

const LONG_MS = 5000;

export function Connecting({ page }: { page: Page }) {
  const at = useNow(1000);
  const long = at > LONG_MS;
  return (
    <section class="centre" aria-live="polite">
      <div class="pulse" aria-hidden="true" />
      <h2>{page.about ? "Waiting for the state of the pumps" : "Connecting to the gateway"}</h2>
      {page.away && <p class="note">{reason(page.away)}</p>}
      {long && (
        <p class="lost">
          The gateway does not answer this tablet. A running infusion continues, but you cannot see or stop it from
          here. <b>Go to the pump.</b>
        </p>
      )}
    </section>
  );
}
