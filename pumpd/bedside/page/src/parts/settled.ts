// A touch that was meant for what was there before must not reach what is there now.

import { useEffect, useState } from "preact/hooks";

/** Longer than a person needs to see that something changed and hold back the finger. */
export const SETTLE_MS = 700;

/** False for a moment after `what` changed. */
export function useSettled(what: string): boolean {
  const [seen, see] = useState(what);
  useEffect(() => {
    const timer = setTimeout(() => see(what), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [what]);
  return seen === what;
}
