// Stop: one press, sent at once and over again until the gateway has taken it. It needs no key, no session and no
// answer to anything else, and it is harmless to send twice.

import { read } from "./ask.ts";
import { EVERY } from "../state/page.ts";
import { current, tell } from "../state/store.ts";

const AGAIN_MS = 700;
const TRIES = 85; // a minute: after that somebody has been at the pump

export function stop(target: string, reason = "Stop pressed on the tablet"): void {
  tell({ kind: "pressed", pump: target });
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
  fetch("/api/stop", {
    method: "POST",
    keepalive: true,
    priority: "high",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(target === EVERY ? { reason } : { pump: target, reason }),
  })
    .then((response) => read(response))
    .then(({ ok, reasons }) => tell({ kind: "answered", pump: target, refused: ok ? null : reasons.join(" ") }))
    .catch(() => undefined); // tried again
}
