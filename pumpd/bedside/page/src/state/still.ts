// Which pump is known to stand: a pump of which nothing was read is not.

import type { Pump } from "./types.ts";

const FLOWING = new Set(["infusing", "withdrawing", "purging"]);

/** Last seen without flow, and pumpd gave it no permission that could still hold. */
export const standsStill = (pump: Pump): boolean =>
  pump.pump_state !== null && !FLOWING.has(pump.pump_state) && !pump.infusion?.may_flow;
