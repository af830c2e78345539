// Whether this tablet has a scanner: remembered once one was used, so that its keys need no room on the screen.

import { onTablet } from "../state/storage.ts";

const KEPT = "scanner";

export const hasScanner = (): boolean => onTablet.get(KEPT) === "yes";

const BEGINNING = "token-beginning";

/** What the last token began with before its first digit, as in "P-": one key instead of two. No number of a patient. */
export const tokenBeginning = (): string => onTablet.get(BEGINNING) ?? "";

export function sawToken(token: string): void {
  const beginning = /^[^0-9]{2,3}(?=[0-9])/.exec(token)?.[0];
  if (beginning) onTablet.set(BEGINNING, beginning);
}

export const sawScanner = (): void => onTablet.set(KEPT, "yes");
