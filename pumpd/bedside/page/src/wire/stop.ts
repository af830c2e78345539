// Stop: sent at once, and again until the gateway has accepted it. It needs no key, no session and no earlier answer, and
// sending it twice does no harm. The pump is in the address and there is no body: nothing of it can come late or break off.

import { read } from "./ask.ts";
import { EVERY } from "../state/page.ts";
import { current, dispatch } from "../state/store.ts";
import { reason as translated } from "../words/reasons.ts";

const AGAIN_MS = 700;
const TRIES = 85; // a minute: by then a nurse is at the pump

export function stop(target: string, reason = "Stop pressed on the tablet"): void {
  dispatch({ kind: "pressed", pump: target });
  send(target, reason);
  const press = current().presses[target];
  let left = TRIES;
  const timer = setInterval(() => {
    const known = current().presses[target];
    if (!known || known.answered || known.at !== press?.at || --left <= 0) clearInterval(timer);
    else send(target, reason);
  }, AGAIN_MS);
}

function send(target: string, reason: string): void {
  const named = new URLSearchParams(target === EVERY ? { reason } : { pump: target, reason });
  fetch(`/api/stop?${named.toString()}`, {
    method: "POST",
    keepalive: true,
    priority: "high",
    credentials: "same-origin",
  })
    .then((response) => read(response))
    .then(({ ok, reasons }) =>
      dispatch({ kind: "answered", pump: target, refused: ok ? null : reasons.map(translated).join(" ") }),
    )
    .catch(() => undefined); // tried again
}
