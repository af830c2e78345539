// Keeps the page in touch with the gateway for as long as it is open: says hello, follows the live stream, says every
// 2 s that this tablet is there, and begins anew, with growing pauses, whenever anything of it fails.

import { ask } from "./ask.ts";
import { storedKey, type TabletKey } from "./keys.ts";
import { hello, request } from "./requests.ts";
import { OLD_S } from "../state/fresh.ts";
import { current, now, tell } from "../state/store.ts";
import type { About, Live, Rows, Tablet } from "../state/types.ts";

const PAUSES_MS = [300, 600, 1200, 2500, 5000];
const ALIVE_MS = 2000;

let key: TabletKey | null = null;
let lastId = "";
let unheard = 0;
let wake: () => void = () => undefined;
let leave: () => void = () => undefined;

/** Try again now: after pairing, or when the network came back. */
export const retry = (): void => wake();

export async function connect(): Promise<never> {
  for (const event of ["online", "pageshow", "focus"]) addEventListener(event, retry);
  setInterval(() => void sayAlive(), ALIVE_MS);
  for (let failures = 0; ;) {
    const followed = (await introduced()) && (await follow());
    failures = followed ? 0 : failures + 1;
    await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] as number);
  }
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => (clearTimeout(timer), resolve());
  });

/** True when the gateway knows this tablet and gave it a session. */
async function introduced(): Promise<boolean> {
  const said = await ask<About>("/api/about");
  if (!said.ok) {
    tell({ kind: "link", link: "lost" });
    return false;
  }
  const about = said.result as About;
  localStorage.setItem("simulated", about.simulated ? "yes" : "no");
  tell({ kind: "about", about });
  key = await storedKey().catch(() => null);
  if (!key) return unpaired();
  if (about.tablet?.id === key.id) return paired(about.tablet);
  const answer = await hello(key, about.gateway);
  if (answer.ok) return paired(answer.result.tablet ?? null);
  return answer.status === 409 || answer.status === 403 ? unpaired() : false;
}

function paired(tablet: Tablet | null): boolean {
  tell({ kind: "identity", identity: "paired", tablet });
  return true;
}

function unpaired(): boolean {
  lastId = ""; // what was drawn is forgotten: it has to come again from the beginning
  tell({ kind: "identity", identity: "unpaired", tablet: null });
  return false;
}

/** Follows the stream to its end; true when anything was heard on it. */
function follow(): Promise<boolean> {
  return new Promise((resolve) => {
    const opened = now();
    let heard = 0;
    const source = new EventSource(`/api/live${lastId ? `?after=${encodeURIComponent(lastId)}` : ""}`);
    const watchdog = setInterval(() => {
      if (now() - (heard || opened) > OLD_S * 1000) leave();
    }, 500);
    leave = () => {
      clearInterval(watchdog);
      source.close();
      tell({ kind: "link", link: "lost" });
      resolve(heard > 0);
    };
    const on = (kind: string, take: (data: unknown) => void) =>
      source.addEventListener(kind, (event: MessageEvent<string>) => {
        heard = now();
        if (event.lastEventId) lastId = event.lastEventId;
        take(JSON.parse(event.data));
      });
    on("state", (live) => tell({ kind: "state", live: live as Live }));
    on("rows", (rows) => tell({ kind: "rows", rows: rows as Rows }));
    on("away", (said) => tell({ kind: "away", text: String((said as { text?: unknown }).text ?? "") }));
    on("unpaired", () => {
      unpaired();
      leave();
    });
    on("beat", () => tell({ kind: "beat" }));
    source.onerror = leave;
  });
}

async function sayAlive(): Promise<void> {
  if (current().identity !== "paired" || current().link !== "open") return;
  const { status } = await ask("/api/alive", {}, ALIVE_MS);
  unheard = status === 0 ? unheard + 1 : 0;
  // A link on which one only hears is none: Stop would not get through either.
  if (status === 401 || status === 403 || unheard >= 2) leave();
}

/** A signed request of this tablet. */
export async function act<T = Record<string, unknown>>(op: string, fields: Record<string, unknown> = {}) {
  if (!key)
    return { ok: false, result: {} as Partial<T>, reasons: ["This tablet is not paired with the gateway."], status: 0 };
  return request<T>(key, current().about?.gateway ?? "", { op, ...fields });
}

export const tabletKey = (): TabletKey | null => key;
