// What somebody must be to do something here, and the way there.

import { bedAddress } from "../state/route.ts";
import type { Page } from "../state/page.ts";
import type { Role } from "../state/types.ts";

/** Whether this tablet and the person on it both have the role. Control decides; this only hides what would be refused. */
export const may = (page: Page, role: Role): boolean =>
  (page.tablet?.roles.includes(role) ?? false) && (page.live?.person?.roles.includes(role) ?? false);

export function NeedsSignIn({ pump, what }: { pump: string; what: string }) {
  return (
    <a class="button primary" href={bedAddress(pump, "sign-in")}>
      Sign in to {what}
    </a>
  );
}
