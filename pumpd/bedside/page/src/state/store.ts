// The page's state, in one place, and the hooks by which the screens read it.

import { useEffect, useState } from "preact/hooks";
import { EMPTY, reduce, type Message, type Page } from "./page.ts";
import { WakingClock } from "./waking.ts";

let page: Page = EMPTY;
const watchers = new Set<() => void>();

const clock = new WakingClock(performance.now(), Date.now());

/** The page's one clock, in ms. */
export const now = (): number => clock.at(performance.now(), Date.now());

export const current = (): Page => page;

export function dispatch(message: Message): void {
  page = reduce(page, message, now());
  for (const watcher of watchers) watcher();
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

export function usePage(): Page {
  const [seen, see] = useState(page);
  useEffect(() => {
    see(page);
    return watch(() => see(page));
  }, []);
  return seen;
}

/** The present instant, updated every `everyMs`: for ages and countdowns, which are differences of instants. */
export function useNow(everyMs = 500): number {
  const [instant, setInstant] = useState(now);
  useEffect(() => {
    const timer = setInterval(() => setInstant(now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return Math.max(instant, page.liveAt);
}
