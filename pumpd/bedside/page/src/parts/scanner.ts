// Whether this tablet has a scanner: remembered once one was used, so that its keys need no room on the screen.

import { onTablet } from "../state/storage.ts";

const KEPT = "scanner";

export const hasScanner = (): boolean => onTablet.get(KEPT) === "yes";

export const sawScanner = (): void => onTablet.set(KEPT, "yes");
