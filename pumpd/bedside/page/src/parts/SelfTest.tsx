// The gateway's self-test before a session: what failed, and everything else on demand (STA-09).

import { useState } from "preact/hooks";
import type { Live, Pump } from "../state/types.ts";
import { wallClock } from "../words/numbers.ts";
import { sentence } from "../words/terms.ts";

const WORD = { passed: "✓ passed", failed: "✕ failed", absent: "– not there" } as const;

const name = (what: string) => sentence(what.replaceAll("_", " ")).replace(/\.$/, "");

export function SelfTest({ live, pump }: { live: Live; pump: Pump }) {
  const [open, setOpen] = useState(false);
  const test = pump.self_test;
  if (!test) return null;
  const failed = test.results.filter(({ state }) => state === "failed");
  return (
    <section class="self-test" aria-label="Self-test of the gateway">
      {!test.passed && (
        <div class="reasons" role="alert">
          <b>The self-test failed. Nothing can start.</b>
          <ul>
            {failed.map(({ what, detail }) => (
              <li key={what}>
                {name(what)}: {sentence(detail || "failed")}
              </li>
            ))}
          </ul>
        </div>
      )}
      <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
        {test.passed ? "Self-test passed" : "Self-test"} {wallClock(test.ts, live.utc_offset_min)}:{" "}
        {open ? "hide" : "show"}
      </button>
      {open && (
        <ul class="self-test-results">
          {test.results.map(({ what, state, detail }) => (
            <li key={what}>
              {name(what)}: <b>{WORD[state] ?? state}</b>
              {detail && <small> {detail}</small>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
