// The sign-in as a screen of its own; screens that need a person have it in their place.

import { useEffect, useRef } from "preact/hooks";
import { SignInHere } from "../parts/SignInHere.tsx";
import { signedInFor } from "../parts/wanted.ts";
import { bedAddress, go } from "../state/route.ts";
import type { Page } from "../state/page.ts";
import type { Pump } from "../state/types.ts";

export function SignIn({ page, pump }: { page: Page; pump: Pump }) {
  const person = page.live?.person;
  const before = useRef(person);
  useEffect(() => {
    if (person && !before.current) go(bedAddress(pump.pump)); // signed in here, or in another window of this tablet
    before.current = person;
  }, [person]);
  const signedIn = () => {
    signedInFor();
    go(bedAddress(pump.pump));
  };
  return (
    <div class="narrow">
      <SignInHere onDone={signedIn} />
    </div>
  );
}
