// Why a start would be refused now: the vital signs, or the self-test. The gateway decides; this says it beside the hold.

import type { Pump } from "../state/types.ts";
import { Reasons } from "./Reasons.tsx";
import { reason } from "../words/reasons.ts";
import { say, type Text } from "../words/say.ts";
import { PART, REVIEW } from "../words/texts/review.ts";

/** The name of a part of the self-test. A part that a newer gateway has keeps its own name: "stop_path" as "Stop path". */
export function part(what: string): string {
  const known = (PART as Record<string, Text>)[what];
  return known ? say(known) : what[0]!.toUpperCase() + what.slice(1).replaceAll("_", " ");
}

/** After a failed self-test the gateway takes no order. */
export function SelfTestFailed({ pump: { self_test } }: { pump: Pump }) {
  if (!self_test || self_test.passed) return null;
  const failed = self_test.results.filter(({ state }) => state === "failed");
  const reasons = failed.map(({ what, detail }) => `${part(what)}: ${detail ? reason(detail) : say(REVIEW.failed)}`);
  return <Reasons reasons={reasons} title={say(REVIEW.test_not_ready)} />;
}

export function NotReady({ pump }: { pump: Pump }) {
  return (
    <>
      {pump.vitals && !pump.vitals.ready && (
        <Reasons reasons={pump.vitals.reasons} title={say(REVIEW.vitals_not_ready)} />
      )}
      <SelfTestFailed pump={pump} />
    </>
  );
}
