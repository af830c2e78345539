// One page of a browser leads: it follows the gateway and passes on what it hears to the browser's other pages. A stream
// for each page would take the six connections that a browser opens to a gateway, and nothing else would get through.
//
// The page that was looked at last leads: browsers slow down hidden pages. When it closes, the next one follows. A page in
// sight that hears nothing from the leader for 7 s, not even that it is there, takes its place. A browser that offers no
// locks or channels lets every page lead.

import { OLD_S } from "../state/fresh.ts";
import type { Message } from "../state/page.ts";
import { now } from "../state/store.ts";
import type { Language } from "../words/language.ts";

const NAME = "pumpd-live";
const HERE_MS = 2000;
/** News that a suspended page finds waiting is no news. */
const LATE_MS = 3000;

/** A message for the page's state, and what its texts are in the language of the leader (words/reasons.ts). */
export interface News {
  message: Message;
  said: unknown;
  language: Language;
}

interface Passed {
  /** Null: the leader is there, and has none. */
  news: News | null;
  at: number;
}

let channel: BroadcastChannel | null = null;
/** Ends the lead; null in a page that does not lead. */
let leading: AbortController | null = null;
let queued = new AbortController();
let heard = 0;
let follow: (until: AbortSignal) => void = () => undefined;

export const leads = (): boolean => leading !== null;

/** `lead` is called when this page is to follow the gateway, with a signal that ends it; `take` with what others pass on. */
export function oneLeads(lead: (until: AbortSignal) => void, take: (news: News) => void): void {
  follow = lead;
  try {
    channel = new BroadcastChannel(NAME);
  } catch {
    return begin(new AbortController());
  }
  channel.onmessage = ({ data: { news, at } }: MessageEvent<Passed>) => {
    heard = now();
    const late = Math.abs(Date.now() - at) > LATE_MS;
    if (news && !leads() && !(late && ["state", "beat"].includes(news.message.kind))) take(news);
  };
  document.addEventListener("visibilitychange", takeLead);
  setInterval(() => {
    if (leads()) send(null);
    else if (now() - heard > OLD_S * 1000) takeLead();
  }, HERE_MS);
  heard = now();
  if (inSight()) takeLead();
  else void request(false);
}

/** Lead from now on, if this page is in sight. */
export function takeLead(): void {
  if (leads() || !inSight()) return;
  heard = now(); // the next try is not before another 7 s
  void request(true);
}

export const passOn = (news: News): void => {
  if (leads()) send(news);
};

const inSight = (): boolean => document.visibilityState !== "hidden";

function send(news: News | null): void {
  channel?.postMessage({ news, at: Date.now() } satisfies Passed);
}

function begin(until: AbortController): void {
  leading = until;
  follow(until.signal);
}

/** Wait for the lock of the leader, or take it from the page that has it. */
async function request(steal: boolean): Promise<void> {
  queued.abort();
  const mine = (queued = new AbortController());
  const until = new AbortController();
  let begun = false;
  try {
    await navigator.locks.request(NAME, steal ? { steal } : { signal: mine.signal }, () => {
      begun = true;
      begin(until);
      return new Promise(() => undefined); // held until the page is closed, or another one takes it
    });
  } catch {
    if (!begun && !mine.signal.aborted) return begin(until); // no locks here
    until.abort();
    if (leading !== until) return; // this page took the lock from itself
    leading = null;
    void request(false);
  }
}
