// The link to the sign-in in the place of an act that needs it.

import { bedAddress } from "../state/route.ts";

export function SignInFirst({ pump, children }: { pump: string; children: string }) {
  return (
    <a class="button primary" href={bedAddress(pump, "sign-in")}>
      {children}
    </a>
  );
}
