// Before the first message of the gateway. If none comes, the nurse is sent to the pump.

import { useNow } from "../state/store.ts";
import { Said } from "../parts/Said.tsx";
import type { Page } from "../state/page.ts";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";
import { reason } from "../words/reasons.ts";

const LONG_MS = 5000;

export function Connecting({ page }: { page: Page }) {
  const at = useNow(1000);
  const long = at > LONG_MS;
  return (
    <section class="centre" aria-live="polite">
      <div class="pulse" aria-hidden="true" />
      <h2>{say(page.about ? FRAME.waiting_for_pumps : FRAME.connecting)}</h2>
      {page.away && <p class="note">{reason(page.away)}</p>}
      {long && (
        <p class="lost">
          <Said text={FRAME.no_answer_here} with={{ go: <b>{say(FRAME.go_to_pump)}.</b> }} />
        </p>
      )}
    </section>
  );
}
