// Sign in with badge and PIN, on whichever screen needs a person. Stop needs no sign-in.

import { useState } from "preact/hooks";
import { Keypad } from "./Keypad.tsx";
import { known, refused, signedIn } from "./known.ts";
import { Reasons } from "./Reasons.tsx";
import { now, useNow } from "../state/store.ts";
import type { Person } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { say } from "../words/say.ts";
import { PERSON } from "../words/texts/person.ts";

interface Props {
  /** What for: "order an infusion". */
  what?: string;
  onDone?: () => void;
}

export function SignInHere({ what, onDone }: Props) {
  const at = useNow(250);
  const [people, setPeople] = useState(known);
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [until, setUntil] = useState(0);
  const wait = Math.ceil((until - at) / 1000);

  const signIn = async (badge: string, pin: string) => {
    setBusy(true);
    const answer = await act<{ retry_s: number; person: Person }>("sign_in", { badge, pin });
    setBusy(false);
    setReasons(answer.ok ? [] : answer.reasons);
    if (answer.result.retry_s) setUntil(now() + answer.result.retry_s * 1000);
    if (!answer.ok) {
      refused(badge);
      return setPeople(known());
    }
    if (answer.result.person) signedIn(answer.result.person, pin.length);
    onDone?.();
  };
  return (
    <section class="sign-in" aria-label={say(PERSON.sign_in)}>
      {what && <h2>{say(PERSON.sign_in_to, { what })}</h2>}
      <Keypad
        who={say(PERSON.sign_in)}
        button={say(busy ? PERSON.signing_in : PERSON.sign_in)}
        disabled={busy || wait > 0}
        known={people}
        onDone={(badge, pin) => void signIn(badge, pin)}
      />
      {wait > 0 ? (
        <p class="reasons" role="alert">
          {say(PERSON.too_many, { seconds: wait })}
        </p>
      ) : (
        <Reasons reasons={reasons} title={say(PERSON.not_signed_in)} />
      )}
      <p class="muted">{say(PERSON.idle)}</p>
    </section>
  );
}
