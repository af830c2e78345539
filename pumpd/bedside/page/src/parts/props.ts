// What the screens of one pump are given.

import type { Page } from "../state/page.ts";
import type { Infusion, Live, Pump } from "../state/types.ts";

export interface BedProps {
  page: Page;
  live: Live;
  pump: Pump;
}

export interface InfusionProps extends BedProps {
  infusion: Infusion;
}
