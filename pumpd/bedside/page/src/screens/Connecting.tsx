// Before the first word of the gateway. If it stays away, the pump is the place to be.

import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";

const LONG_MS = 5000;

export function Connecting({ page }: { page: Page }) {
  const at = useNow(1000);
  const long = at > LONG_MS;
  return (
    <section class="centre" aria-live="polite">
      <div class="pulse" aria-hidden="true" />
      <h2>{page.about ? "Waiting for the state of the pumps" : "Looking for the gateway"}</h2>
      {page.away && <p class="note">{page.away}</p>}
      {long && (
        <p class="lost">
          The gateway does not answer this tablet. An infusion that runs is not changed by that, but it cannot be seen
          or stopped from here. <b>Go to the pump.</b>
        </p>
      )}
    </section>
  );
}
