// A wristband that is scanned on the overview, where no field waits for it, opens its bed.

import { useEffect, useRef, useState } from "preact/hooks";
import { sawScanner } from "./scanner.ts";
import { bedOf } from "../state/beds.ts";
import { bedAddress, go } from "../state/route.ts";
import { now } from "../state/store.ts";
import type { Pump } from "../state/types.ts";
import { APART_MS, scannedKeys } from "../state/wristband.ts";

/** As long as it takes to sign in. Later, an association would come as a surprise. */
const LASTS_MS = 120_000;

let brought: { pump: string; token: string; at: number } | null = null;

/**
 * On the overview. Returns the wristband that opened no bed. `badges`: of staff, whose scan is no patient's. With nobody
 * `signedIn`, the PIN comes next and is the consent to the association; who is signed in already scans at the bed.
 */
export function useBedScan(pumps: readonly Pump[], badges: readonly string[], signedIn: boolean): string | null {
  const [unknown, setUnknown] = useState<string | null>(null);
  const read = useRef<(token: string) => void>(() => undefined);
  read.current = (token) => {
    sawScanner();
    const bed = bedOf(token, pumps);
    if (!bed || badges.includes(token) || (signedIn && !bed.patient)) return setUnknown(token);
    if (!bed.patient) brought = { pump: bed.pump, token, at: now() };
    return go(bedAddress(bed.pump));
  };
  useEffect(() => {
    brought = null;
    let typed = "";
    let at: number[] = [];
    let timer = 0;
    const end = (event?: Event) => {
      clearTimeout(timer);
      const token = typed.slice(-scannedKeys(at)).trim();
      const scanned = scannedKeys(at) > 0;
      [typed, at] = ["", []];
      if (!scanned) return;
      event?.preventDefault(); // it presses nothing that has the focus
      read.current(token);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Enter" || event.key === "Tab") return end(event);
      if (event.key.length !== 1 || event.ctrlKey || event.altKey || event.metaKey) return undefined;
      typed += event.key;
      at.push(event.timeStamp); // of the key itself, however busy the page is
      clearTimeout(timer);
      timer = window.setTimeout(end, APART_MS);
      return undefined;
    };
    document.addEventListener("keydown", onKey, true);
    return () => {
      document.removeEventListener("keydown", onKey, true);
      clearTimeout(timer);
    };
  }, []);
  return unknown;
}

/** The wristband that was scanned on the overview and opened this bed: until the overview is shown again. */
export const broughtTo = (pump: string): string | null =>
  brought?.pump === pump && now() - brought.at < LASTS_MS ? brought.token : null;

/** Once. */
export function takeBrought(pump: string): string | null {
  const token = broughtTo(pump);
  brought = null;
  return token;
}
