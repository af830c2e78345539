// Stop: sent at once, and again until the gateway has accepted it once. It needs no key, no session and no earlier
// answer. The pump is in the address and there is no body: nothing of it can come late or break off.
//
// The first try has the cookie, by which the record names this tablet. A browser opens six connections to a gateway, and
// all may be taken by requests that hang. Requests without a cookie have connections of their own: no browser mixes the
// two. So every repeat goes without, and waits for nothing of this page or of another tab.
//
// A try may come late all the same, held up on its way. So it says how old it is, and which infusion was on the screen:
// the gateway then ends nothing that began after it (docs/decisions/0043). In doubt it says less, and the stop counts.

import { read } from "./ask.ts";
import { OLD_S } from "../state/fresh.ts";
import { EVERY } from "../state/page.ts";
import { current, dispatch, now } from "../state/store.ts";
import { ended } from "../words/terms.ts";
import { chosenLanguage } from "../words/language.ts";
import { reason as translated } from "../words/reasons.ts";

const SOON_MS = 250;
const AGAIN_MS = 700;
const UNTIL_MS = 60_000; // by then a nurse is at the pump
const MOST_WAITING = 5; // fewer than the browser's connections, so that no repeat waits for one

/** English, as the record has it; bedside knows its translations. */
export const PRESSED = "Stop pressed on the tablet";

/** By target: ends the repeats, and drops what has not left the browser. */
const ending = new Map<string, () => void>();

export function stop(target: string, reason = PRESSED): void {
  ending.get(target)?.();
  const at = now();
  const session = onScreen(target);
  const language = chosenLanguage();
  const waiting: AbortController[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    clearTimeout(timer);
    for (const each of waiting) each.abort();
  };
  ending.set(target, end);

  const send = (credentials: RequestCredentials) => {
    const own = new AbortController();
    if (waiting.push(own) > MOST_WAITING) waiting.shift()?.abort();
    const named = new URLSearchParams({
      reason,
      age_s: ((now() - at) / 1000).toFixed(2),
      ...(target === EVERY ? {} : { pump: target }),
      ...(session === null ? {} : { of_session: session }),
    });
    fetch(`/api/stop?${named.toString()}`, {
      method: "POST",
      keepalive: true,
      priority: "high",
      cache: "no-store",
      credentials,
      headers: { "Accept-Language": language },
      signal: own.signal,
    })
      .then((response) => read<{ already_ended: Record<string, string> }>(response, language))
      .then(({ ok, reasons, result }) => {
        if (ok) end();
        const late = Object.keys(result.already_ended ?? {});
        dispatch({ kind: "answered", pump: target, refused: ok ? null : reasons.map(translated).join(" "), late });
      })
      .catch(() => undefined); // tried again
  };
  const again = () => {
    if (now() - at > UNTIL_MS) return end();
    timer = setTimeout(again, AGAIN_MS);
    return send("omit");
  };

  send("same-origin");
  timer = setTimeout(again, SOON_MS);
  dispatch({ kind: "pressed", pump: target });
}

/** The infusion under way that the nurse sees. Null when what she sees is old: another one may be running by now. */
function onScreen(target: string): string | null {
  try {
    const { live, liveAt } = current();
    const infusion = live?.pumps.find(({ pump }) => pump === target)?.infusion;
    return infusion && !ended(infusion) && now() - liveAt < OLD_S * 1000 ? infusion.session : null;
  } catch {
    return null; // a state that cannot be read takes no stop away
  }
}
