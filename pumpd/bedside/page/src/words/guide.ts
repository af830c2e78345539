// Which help belongs to which screen.

import type { Text } from "./say.ts";
import { PURPOSE, STUCK } from "./texts/help.ts";
import type { Page } from "../state/page.ts";
import type { Route } from "../state/route.ts";
import type { InfusionState } from "../state/types.ts";

/** `signs`: the legend belongs to it too. */
export interface Guide {
  purpose: Text;
  stuck: Text;
  signs: boolean;
}

type Topic = keyof typeof PURPOSE;

const OF_STATE: Readonly<Record<InfusionState, Topic>> = {
  ordered: "preparing",
  loading: "preparing",
  ready: "review",
  armed: "running",
  starting: "running",
  running: "running",
  completing: "running",
  pausing: "paused",
  paused: "paused",
  stopping: "running",
  uncertain: "uncertain",
  tripped: "tripped",
  completed: "ended",
  stopped: "ended",
  abandoned: "ended",
};

const WITHOUT_PUMPS: readonly Topic[] = ["pair", "connecting"];

export function guideFor(page: Page, route: Route): Guide {
  const topic = topicOf(page, route);
  return { purpose: PURPOSE[topic], stuck: STUCK[topic], signs: !WITHOUT_PUMPS.includes(topic) };
}

function topicOf(page: Page, route: Route): Topic {
  if (route.screen === "pair" || page.identity === "unpaired") return "pair";
  if (!page.live) return "connecting";
  switch (route.screen) {
    case "beds":
    case "bench":
    case "order":
    case "rest":
    case "course":
      return route.screen;
    case "sign-in":
      return "sign_in";
    case "bed": {
      const state = page.live.pumps.find((each) => each.pump === route.pump)?.infusion?.state;
      return state ? OF_STATE[state] : "idle";
    }
  }
}
