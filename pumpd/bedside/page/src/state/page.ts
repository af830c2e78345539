// What the page knows, and how each message changes it. Pure: `at` is the time in ms of the page's clock (store.ts).

import { withEstimate, type PlasmaPoint } from "./plasma.ts";
import type { About, Live, PlasmaBand, Point, History, Tablet } from "./types.ts";

export type Link = "connecting" | "open" | "lost";
export type Identity = "unknown" | "unpaired" | "paired";

/** A press of Stop, for one pump or (as EVERY) for all, and its outcome. */
export interface Press {
  at: number;
  answered: boolean;
  refused: string | null;
  /** The pumps on which another infusion had begun before this stop arrived: it did not stop them. */
  late: readonly string[];
  /** The gateway reported every pump that it was for as stopped. Flow after that belongs to a later start. */
  seen: boolean;
}

export const EVERY = "*";

export interface Page {
  about: About | null;
  identity: Identity;
  tablet: Tablet | null;
  link: Link;
  live: Live | null;
  liveAt: number;
  heardAt: number | null;
  tracks: Record<string, Point[]>;
  /** The estimated plasma concentration: what a program leads to, by its digest, and what it was so far, by session. */
  bands: Record<string, PlasmaBand>;
  estimates: Record<string, PlasmaPoint[]>;
  presses: Record<string, Press>;
  /** Why the gateway does not answer, in its own words. */
  away: string | null;
  /** An order that is being typed, and when it was last touched. */
  draft: { pump: string; touchedAt: number } | null;
}

export const EMPTY: Page = {
  about: null,
  identity: "unknown",
  tablet: null,
  link: "connecting",
  live: null,
  liveAt: 0,
  heardAt: null,
  tracks: {},
  bands: {},
  estimates: {},
  presses: {},
  away: null,
  draft: null,
};

export type Message =
  | { kind: "about"; about: About }
  | { kind: "identity"; identity: Identity; tablet: Tablet | null }
  | { kind: "link"; link: Link }
  | { kind: "state"; live: Live }
  | { kind: "history"; part: History }
  | { kind: "band"; digest: string; band: PlasmaBand }
  | { kind: "beat" }
  | { kind: "drafting"; pump: string | null }
  | { kind: "away"; text: string }
  | { kind: "pressed"; pump: string }
  | { kind: "answered"; pump: string; refused: string | null; late?: readonly string[] };

export function reduce(page: Page, message: Message, at: number): Page {
  switch (message.kind) {
    case "about":
      return { ...page, about: message.about };
    case "identity":
      if (message.identity === "paired") return { ...page, identity: "paired", tablet: message.tablet };
      return { ...EMPTY, about: page.about, link: page.link, presses: page.presses, identity: message.identity };
    case "link":
      return { ...page, link: message.link };
    case "state":
      return {
        ...page,
        live: message.live,
        liveAt: at,
        heardAt: at,
        link: "open",
        away: null,
        tablet: message.live.tablet ?? page.tablet,
        presses: withSeen(page.presses, message.live, at),
        estimates: withEstimates(page.estimates, message.live),
      };
    case "history":
      return { ...page, tracks: withHistory(page.tracks, message.part) }; // no sign that the gateway still answers
    case "away":
      return { ...page, away: message.text };
    case "drafting":
      return { ...page, draft: message.pump === null ? null : { pump: message.pump, touchedAt: at } };
    case "band":
      return { ...page, bands: { ...page.bands, [message.digest]: message.band } };
    case "beat":
      return { ...page, heardAt: at };
    case "pressed":
      return withPress(page, message.pump, { at, answered: false, refused: null, late: [], seen: false });
    case "answered": {
      const press = page.presses[message.pump];
      if (!press || press.answered) return page;
      const { refused, late = [] } = message;
      return withPress(page, message.pump, { ...press, answered: refused === null, refused, late });
    }
  }
}

const withPress = (page: Page, pump: string, press: Press): Page => ({
  ...page,
  presses: { ...page.presses, [pump]: press },
});

function withSeen(presses: Page["presses"], live: Live, at: number): Page["presses"] {
  const seen = Object.entries(presses).filter(([target, press]) => {
    const pumps = live.pumps.filter(({ pump }) => target === EVERY || pump === target);
    return !press.seen && press.answered && at > press.at && pumps.length > 0 && pumps.every(({ stopped }) => stopped);
  });
  if (!seen.length) return presses;
  return { ...presses, ...Object.fromEntries(seen.map(([target, press]) => [target, { ...press, seen: true }])) };
}

/** Points may come twice after a reconnection: only newer ones count. `whole` replaces everything. */
function withHistory(tracks: Page["tracks"], part: History): Page["tracks"] {
  const known = part.whole ? [] : (tracks[part.session] ?? []);
  const last = known.at(-1)?.[0] ?? -1;
  const fresh = (part.points ?? []).filter(([elapsed]) => elapsed > last);
  if (!fresh.length && known.length) return tracks;
  return { ...tracks, [part.session]: [...known, ...fresh] };
}

/** Only of the infusions that are shown now: a tablet may be on for weeks. */
function withEstimates(known: Page["estimates"], live: Live): Page["estimates"] {
  return Object.fromEntries(
    live.pumps.flatMap(({ infusion, plasma }) => {
      const track = infusion && withEstimate(known[infusion.session], plasma, infusion.elapsed_s);
      return track ? [[infusion.session, track]] : [];
    }),
  );
}
