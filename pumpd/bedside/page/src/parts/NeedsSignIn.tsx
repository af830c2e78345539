// The link to the sign-in, for an action that needs it.

import { bedAddress } from "../state/route.ts";
import type { Page } from "../state/page.ts";
import type { Role } from "../state/types.ts";
import { say } from "../words/say.ts";
import { PERSON } from "../words/texts/person.ts";

/** Whether this tablet and the person signed in both have the role. This only hides what the gateway would refuse. */
export const may = (page: Page, role: Role): boolean =>
  (page.tablet?.roles.includes(role) ?? false) && (page.live?.person?.roles.includes(role) ?? false);

/** `what`: what comes after "Sign in to …", in the language of the page; in German with "zu". */
export function NeedsSignIn({ pump, what }: { pump: string; what: string }) {
  return (
    <a class="button primary" href={bedAddress(pump, "sign-in")}>
      {say(PERSON.sign_in_to, { what })}
    </a>
  );
}
