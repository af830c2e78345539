// Which bed a wristband opens on the overview.

import type { Pump } from "./types.ts";
import { ended } from "../words/terms.ts";

const free = ({ problem, to_identify, infusion, patient }: Pump): boolean =>
  !problem && !to_identify && !patient && (!infusion || ended(infusion));

/**
 * The only bed whose patient it is; for a patient of no bed, the only one that is free. Null where it is one of several:
 * a person chooses then.
 */
export function bedOf(token: string, pumps: readonly Pump[]): Pump | null {
  const [its, ...more] = pumps.filter(({ patient }) => patient === token);
  if (its) return more.length ? null : its;
  const [only, ...others] = pumps.filter(free);
  return only && !others.length ? only : null;
}
