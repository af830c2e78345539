// The sign-in as a screen of its own; screens that need a person have it in their place.

import { useEffect } from "preact/hooks";
import { SignInHere } from "../parts/SignInHere.tsx";
import { signedInFor } from "../parts/wanted.ts";
import { bedAddress, leaveFor } from "../state/route.ts";
import type { Page } from "../state/page.ts";
import type { Pump } from "../state/types.ts";

export function SignIn({ page, pump }: { page: Page; pump: Pump }) {
  const person = page.live?.person;
  useEffect(() => {
    if (person) leaveFor(bedAddress(pump.pump)); // signed in here, before, or in another window of this tablet
  }, [person]);
  const signedIn = () => {
    signedInFor();
    leaveFor(bedAddress(pump.pump));
  };
  return (
    <div class="narrow">
      <SignInHere onDone={signedIn} />
    </div>
  );
}
