// The gateway's self-test before a session: what failed, and everything else on demand (STA-09).

import { useState } from "preact/hooks";
import { part } from "./NotReady.tsx";
import type { Live, Pump } from "../state/types.ts";
import { wallClock } from "../words/numbers.ts";
import { reason } from "../words/reasons.ts";

const WORD = { passed: "✓ passed", failed: "✕ failed", absent: "– not there" } as const;

export function SelfTest({ live, pump }: { live: Live; pump: Pump }) {
  const [open, setOpen] = useState(false);
  const test = pump.self_test;
  if (!test) return null;
  return (
    <section class="self-test" aria-label="Self-test of the gateway">
      <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        Self-test {test.passed ? "passed" : "failed"} {wallClock(test.ts, live.utc_offset_min)}:{" "}
        {open ? "hide" : "show"}
      </button>
      {open && (
        <ul class="self-test-results">
          {test.results.map(({ what, state, detail }) => (
            <li key={what}>
              {part(what)}: <b>{WORD[state] ?? state}</b>
              {detail && <small> {reason(detail)}</small>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
