// Who is signed in on this tablet, and the countdown of the last half minute.

import { useEffect, useState } from "preact/hooks";
import { idleLeft, WARN_S } from "./idle.ts";
import { forgetFormUnless } from "../state/form.ts";
import { bedAddress } from "../state/route.ts";
import { useNow } from "../state/store.ts";
import type { Live } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { say } from "../words/say.ts";
import { PERSON } from "../words/texts/person.ts";

export function Person({ live, pump }: { live: Live; pump: string | null }) {
  const at = useNow(500);
  const [leaving, setLeaving] = useState(false);
  const { person } = live;
  const bed = pump ?? live.pumps[0]?.pump;

  useEffect(() => forgetFormUnless(person?.badge), [person?.badge]);

  if (!person) {
    return bed ? (
      <a class="button quiet" href={bedAddress(bed, "sign-in")}>
        {say(PERSON.sign_in)}
      </a>
    ) : null;
  }
  const left = Math.ceil(idleLeft(at) ?? 0);
  const signOut = async () => {
    setLeaving(true);
    await act("sign_out");
    setLeaving(false);
  };
  return (
    <div class="person">
      <span class="who">
        {person.name || person.badge}
        {left <= WARN_S && (
          <b class="digits leaving" role="timer">
            {say(PERSON.leaving, { seconds: left })}
          </b>
        )}
      </span>
      <button type="button" class="quiet" disabled={leaving} onClick={() => void signOut()}>
        {say(PERSON.sign_out)}
      </button>
    </div>
  );
}
