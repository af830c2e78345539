// Keeps the page connected to the gateway: proves the key, follows the live stream, reports every 2 s that this tablet is
// connected, and starts over, with growing pauses, whenever any of that fails. Of the pages of one browser, one does it
// for all (lead.ts).

import { ask } from "./ask.ts";
import { storedKey, type TabletKey } from "./keys.ts";
import { leads, oneLeads, passOn, takeLead } from "./lead.ts";
import { hello, request } from "./requests.ts";
import { OLD_S } from "../state/fresh.ts";
import { onTablet } from "../state/storage.ts";
import type { Message } from "../state/page.ts";
import { current, now, dispatch } from "../state/store.ts";
import { chosenLanguage, onLanguage } from "../words/language.ts";
import { learn } from "../words/reasons.ts";
import type { About, Live, History, Tablet } from "../state/types.ts";
import { say } from "../words/say.ts";
import { WIRE } from "../words/texts/wire.ts";

const PAUSES_MS = [300, 600, 1200, 2500, 5000];
const ALIVE_MS = 2000;

let key: TabletKey | null = null;
let lastId = "";
let unanswered = 0;
let wake: () => void = () => undefined;
let leave: () => void = () => undefined;

/** Try again now: after pairing, or when the network came back. */
export function retry(): void {
  takeLead();
  wake();
}

export function connect(): void {
  for (const event of ["online", "pageshow", "focus"]) addEventListener(event, () => wake());
  setInterval(() => void reportAlive(), ALIVE_MS);
  void readKey(); // a page that does not lead signs requests too
  oneLeads(
    (until) => void keepFollowing(until),
    ({ message, said, language }) => {
      if (message.kind === "identity") void readKey();
      learn(said, language);
      dispatch(message);
    },
  );
}

async function readKey(): Promise<TabletKey | null> {
  key = await storedKey().catch(() => key); // a store that fails now takes no key away
  return key;
}

async function keepFollowing(until: AbortSignal): Promise<void> {
  until.addEventListener("abort", () => {
    lastId = ""; // what other pages pass on meanwhile may have gaps
    leave();
    wake();
  });
  for (let failures = 0; !until.aborted;) {
    const followed = (await introduced().catch(() => false)) && !until.aborted && (await follow(until));
    failures = followed ? 0 : failures + 1;
    if (!until.aborted) await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)] as number);
  }
}

/** What the gateway told this page, for all pages of this browser. */
function news(message: Message, said: unknown = null, language = chosenLanguage()): void {
  learn(said, language);
  dispatch(message);
  passOn({ message, said, language });
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => (clearTimeout(timer), resolve());
  });

/** True when the gateway knows this tablet and gave it a session. */
async function introduced(): Promise<boolean> {
  const answered = await ask<About>("/api/about");
  if (!answered.ok) {
    news({ kind: "link", link: "lost" });
    return false;
  }
  const about = answered.result as About;
  onTablet.set("simulated", about.simulated ? "yes" : "no");
  news({ kind: "about", about });
  if (!(await readKey()) || !key) return unpaired();
  if (about.tablet?.id === key.id) return paired(about.tablet);
  const answer = await hello(key, about.gateway);
  if (answer.ok) return paired(answer.result.tablet ?? null);
  return answer.status === 409 || answer.status === 403 ? unpaired() : false;
}

function paired(tablet: Tablet | null): boolean {
  news({ kind: "identity", identity: "paired", tablet });
  return true;
}

function unpaired(): boolean {
  lastId = ""; // the curves are forgotten and must come again from the beginning
  news({ kind: "identity", identity: "unpaired", tablet: null });
  return false;
}

/** Follows the stream to its end, or until another page leads. True if anything came on it. */
function follow(until: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const opened = now();
    let heard = 0;
    let told = opened; // when it last said how the pumps are, or why it does not know
    const language = chosenLanguage();
    const source = new EventSource(`/api/live?${new URLSearchParams({ language, after: lastId || "0" }).toString()}`);
    const watchdog = setInterval(() => {
      if (now() - told > OLD_S * 1000) leave();
    }, 500);
    const end = () => {
      clearInterval(watchdog);
      forget();
      source.close();
      resolve(heard > 0);
    };
    const forget = onLanguage(end); // it is opened again in the other language
    leave = () => {
      if (!until.aborted) news({ kind: "link", link: "lost" });
      end();
    };
    const on = (kind: string, message: (data: unknown) => Message) =>
      source.addEventListener(kind, (event: MessageEvent<string>) => {
        heard = now();
        if (kind === "state" || kind === "away") told = heard;
        if (event.lastEventId) lastId = event.lastEventId;
        const data: unknown = JSON.parse(event.data);
        news(message(data), (data as { said?: unknown } | null)?.said, language);
      });
    on("state", (live) => ({ kind: "state", live: live as Live }));
    on("history", (part) => ({ kind: "history", part: part as History }));
    on("away", (why) => ({ kind: "away", text: String((why as { text?: unknown }).text ?? "") }));
    on("beat", () => ({ kind: "beat" }));
    source.addEventListener("unpaired", () => {
      unpaired();
      leave();
    });
    source.onerror = () => leave();
  });
}

async function reportAlive(): Promise<void> {
  if (!leads() || current().identity !== "paired" || current().link !== "open") return;
  const { status } = await ask("/api/alive", {}, ALIVE_MS);
  unanswered = status === 0 ? unanswered + 1 : 0;
  // A link that only receives is no link: Stop would not get through either.
  if (status === 401 || status === 403 || unanswered >= 2) leave();
}

/** A signed request of this tablet. */
export async function act<T = Record<string, unknown>>(op: string, fields: Record<string, unknown> = {}) {
  if (!key) return { ok: false, result: {} as Partial<T>, reasons: [say(WIRE.not_paired)], status: 0 };
  return request<T>(key, current().about?.gateway ?? "", { op, ...fields });
}

export const tabletKey = (): TabletKey | null => key;
