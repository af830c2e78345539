// Why a start would be refused now: the vital signs, or the self-test. The gateway decides; this says it beside the hold.

import type { Pump } from "../state/types.ts";
import { Reasons } from "./Reasons.tsx";
import { reason } from "../words/reasons.ts";

/** "stop_path" as "Stop path". */
export const part = (what: string): string => what[0]!.toUpperCase() + what.slice(1).replaceAll("_", " ");

export const startable = ({ vitals, self_test }: Pump): boolean =>
  (vitals?.ready ?? true) && (self_test?.passed ?? true);

/** After a failed self-test the gateway takes no order. */
export function SelfTestFailed({ pump: { self_test } }: { pump: Pump }) {
  if (!self_test || self_test.passed) return null;
  const failed = self_test.results.filter(({ state }) => state === "failed");
  const reasons = failed.map(({ what, detail }) => `${part(what)}: ${detail ? reason(detail) : "failed"}`);
  return <Reasons reasons={reasons} title="Not ready: the self-test failed" />;
}

export function NotReady({ pump }: { pump: Pump }) {
  return (
    <>
      {pump.vitals && !pump.vitals.ready && <Reasons reasons={pump.vitals.reasons} title="Not ready: vital signs" />}
      <SelfTestFailed pump={pump} />
    </>
  );
}
