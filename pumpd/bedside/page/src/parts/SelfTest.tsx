// The gateway's self-test before a session: what failed, and everything else on demand (STA-09).

import { useState } from "preact/hooks";
import { part } from "./NotReady.tsx";
import type { Live, Pump } from "../state/types.ts";
import { wallClock } from "../words/numbers.ts";
import { reason } from "../words/reasons.ts";
import { say } from "../words/say.ts";
import { REVIEW } from "../words/texts/review.ts";

const RESULT = {
  passed: ["✓", REVIEW.passed_word],
  failed: ["✕", REVIEW.failed_word],
  absent: ["–", REVIEW.absent_word],
} as const;

export function SelfTest({ live, pump }: { live: Live; pump: Pump }) {
  const [open, setOpen] = useState(false);
  const test = pump.self_test;
  if (!test) return null;
  const result = say(test.passed ? REVIEW.passed_word : REVIEW.failed_word);
  return (
    <section class="self-test" aria-label={say(REVIEW.self_test)}>
      <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        {say(open ? REVIEW.test_hide : REVIEW.test_show, { result, time: wallClock(test.ts, live.utc_offset_min) })}
      </button>
      {open && (
        <ul class="self-test-results">
          {test.results.map(({ what, state, detail }) => (
            <li key={what}>
              {part(what)}:{" "}
              <b>
                {RESULT[state][0]} {say(RESULT[state][1])}
              </b>
              {detail && <small> {reason(detail)}</small>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
