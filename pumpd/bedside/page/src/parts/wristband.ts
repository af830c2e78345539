// The wristband at the bed, checked again before a start: compared at once, valid as long as a challenge.

import { useEffect, useState } from "preact/hooks";
import { CONFIRMATION_S } from "../state/limits.ts";
import { endOf, verdictOf, type Verdict } from "../state/wristband.ts";

export type Wristband =
  { state: "none" } | { state: "right"; token: string } | { state: "wrong" | "part"; read: string } | { state: "old" };

export interface Checked {
  band: Wristband;
  /** What may be typed instead of the whole token; null when only the whole one counts. */
  end: string | null;
  take: (read: string, scanned: boolean) => Verdict;
  /** Something is being typed. True when it is the right one, complete. */
  typing: (text: string, paused: boolean, scanned: boolean) => boolean;
  /** A new attempt needs the wristband again. */
  drop: () => void;
}

const NONE: Wristband = { state: "none" };

/** `order`: the patient of the order. `others`: of the gateway's other pumps. `whose`: the scan of another nurse does not count. */
export function useWristband(order: string, others: readonly string[], whose: string | undefined): Checked {
  const [band, setBand] = useState<Wristband>(NONE);
  useEffect(() => setBand(NONE), [order, whose]);
  useEffect(() => {
    if (band.state !== "right") return undefined;
    const timer = setTimeout(() => setBand({ state: "old" }), CONFIRMATION_S * 1000);
    return () => clearTimeout(timer);
  }, [band]);
  const take = (read: string, scanned: boolean): Verdict => {
    const found = verdictOf(read, order, others, scanned);
    setBand(found === "right" ? { state: "right", token: order } : { state: found, read });
    return found;
  };
  const typing = (text: string, paused: boolean, scanned: boolean): boolean => {
    if (text === "") return false;
    const found = verdictOf(text, order, others, scanned);
    if (found === "wrong") setBand({ state: "wrong", read: text });
    else if (found === "part" || !paused) setBand(NONE);
    else take(text, scanned);
    return found === "right" && paused;
  };
  return { band, end: endOf(order, others), take, typing, drop: () => setBand(NONE) };
}
