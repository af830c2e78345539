// Stop: one touch, no dialog, signed in or not. It acts when the finger comes down, not when it lifts.

import { useRef } from "preact/hooks";
import { stopShows, type StopShows } from "../state/stopping.ts";
import { now, useNow } from "../state/store.ts";
import { EVERY, type Page } from "../state/page.ts";
import { stop } from "../wire/stop.ts";
import { say, type Text } from "../words/say.ts";
import { STOP } from "../words/texts/stop.ts";

const LABEL: Record<StopShows, Text> = {
  ready: STOP.stop,
  stopping: STOP.stopping,
  unconfirmed: STOP.at_the_pump,
  stopped: STOP.stopped,
  late: STOP.stop,
};

/** A touch and the click that follows it are one press. */
const ONE_PRESS_MS = 600;

export function StopButton({
  page,
  target,
  name,
  small,
}: {
  page: Page;
  target: string;
  name: string;
  small?: boolean;
}) {
  const at = useNow(250);
  const shows = stopShows(page, target, at);
  const pressed = useRef(-ONE_PRESS_MS);
  const mayFlow =
    page.live === null || page.live.pumps.some((each) => (target === EVERY || each.pump === target) && !each.stopped);
  const press = () => {
    if (now() - pressed.current < ONE_PRESS_MS) return;
    pressed.current = now();
    stop(target);
  };
  const refused = page.presses[target]?.refused;
  const about =
    shows === "late"
      ? say(STOP.late, { pump: name })
      : shows === "unconfirmed"
        ? (refused ?? say(STOP.not_confirmed, { pump: name }))
        : name;
  return (
    <>
      <button
        type="button"
        class={`stop stop-${shows} ${mayFlow ? "stop-flows" : ""} ${small ? "stop-small" : ""}`}
        data-shows={shows}
        onPointerDown={(event) => event.button === 0 && press()}
        onClick={press}
      >
        <svg class="octagon" viewBox="0 0 40 40" aria-hidden="true">
          <path d="M12 2h16l10 10v16L28 38H12L2 28V12z" fill="currentColor" />
          <rect x="13" y="13" width="14" height="14" rx="1.5" class="octagon-square" />
        </svg>
        <span class="stop-words">
          <b>{say(LABEL[shows])}</b> <small>{about}</small>
        </span>
      </button>
      <span class="unseen" role="status" aria-live="assertive">
        {shows === "ready"
          ? ""
          : shows === "late"
            ? about
            : say(STOP.announced, { pump: name, shows: say(LABEL[shows]) })}
      </span>
    </>
  );
}
