// A nurse signs in with badge and PIN. Stop needs no sign-in.

import { useEffect, useRef, useState } from "preact/hooks";
import { Keypad } from "../parts/Keypad.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { bedAddress, go } from "../state/route.ts";
import { now, useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import type { Pump } from "../state/types.ts";
import { act } from "../wire/connection.ts";

export function SignIn({ page, pump }: { page: Page; pump: Pump }) {
  const at = useNow(250);
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [until, setUntil] = useState(0);
  const wait = Math.ceil((until - at) / 1000);
  const person = page.live?.person;

  const before = useRef(person);
  useEffect(() => {
    if (person && !before.current) go(bedAddress(pump.pump)); // signed in here, or in another window of this tablet
    before.current = person;
  }, [person]);

  const signIn = async (badge: string, pin: string) => {
    setBusy(true);
    const answer = await act<{ retry_s: number }>("sign_in", { badge, pin });
    setBusy(false);
    setReasons(answer.ok ? [] : answer.reasons);
    if (answer.result.retry_s) setUntil(now() + answer.result.retry_s * 1000);
    if (answer.ok) go(bedAddress(pump.pump));
  };
  return (
    <section class="narrow">
      <Keypad
        who="Sign in"
        button={busy ? "Signing in" : "Sign in"}
        disabled={busy || wait > 0}
        onDone={(badge, pin) => void signIn(badge, pin)}
      />
      {wait > 0 ? (
        <p class="reasons" role="alert">
          Too many wrong attempts. Try again in <b class="digits">{wait} s</b>. Stop still works.
        </p>
      ) : (
        <Reasons reasons={reasons} title="Not signed in" />
      )}
      <p class="muted">
        After 3 minutes without a touch you are signed out. A running infusion continues. Stop always works.
      </p>
    </section>
  );
}
