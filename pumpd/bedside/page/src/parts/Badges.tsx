// The signs in the top bar: link, sound, the gateway's clock and journal.

import { useState, useEffect } from "preact/hooks";
import { allowSound, sounding } from "../alarm/sound.ts";
import { pauseLeft } from "../alarm/active.ts";
import { gatewayNow, silence } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import { Said } from "./Said.tsx";
import { clock, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";

export function Badges({ page }: { page: Page }) {
  const at = useNow(500);
  const paused = pauseLeft(page, at);
  const heard = useSounding();
  const quiet = silence(page, at);
  const lost = page.link === "lost" || (quiet ?? 0) >= 7;
  const shown = lost ? FRAME.no_link : page.link === "open" ? FRAME.linked : FRAME.linking;
  const wall = gatewayNow(page, at);
  return (
    <div class="badges">
      {!heard && (
        <button type="button" class="badge badge-warn" onClick={allowSound}>
          <BellOff />{" "}
          <span>
            {say(FRAME.sound_off)}
            <span class="roomy">{say(FRAME.sound_off_touch)}</span>
          </span>
        </button>
      )}
      {paused > 0 && (
        <span class="badge badge-warn" role="timer" aria-label={say(FRAME.alarm_sound_paused)}>
          <BellOff />{" "}
          <span>
            <Said text={FRAME.sound_paused} with={{ time: <b class="digits">{clock(Math.ceil(paused))}</b> }} />
          </span>
        </span>
      )}
      {page.live?.clock_synchronized === false && <span class="badge badge-warn">{say(FRAME.clock_not_set)}</span>}
      {(page.live?.journal ?? "ok") !== "ok" && <span class="badge badge-warn">{say(FRAME.journal_failed)}</span>}
      <span class={lost ? "badge badge-bad" : "badge"} role="status" aria-label={say(FRAME.link)} data-testid="link">
        <i class={lost ? "dot dot-bad" : page.link === "open" ? "dot dot-good" : "dot"} aria-hidden="true" />
        <span class="narrow-unseen one-of">
          {/* each has its room: the keys beside it stay where they are */}
          {([FRAME.linked, FRAME.linking, FRAME.no_link] as const).map((each) => (
            <span key={say(each)} class={each === shown ? "" : "not-this"}>
              {say(each)}
            </span>
          ))}
        </span>
      </span>
      {wall !== null && (
        <span class="badge badge-clock digits" aria-label={say(FRAME.gateways_clock)}>
          {wallClock(wall, page.live?.utc_offset_min)}
        </span>
      )}
    </div>
  );
}

function useSounding(): boolean {
  const [heard, hear] = useState(sounding);
  useEffect(() => {
    const timer = setInterval(() => hear(sounding()), 300);
    return () => clearInterval(timer);
  }, []);
  return heard;
}

/** A bell crossed out by two dashed lines: IEC 60417-5576-2, alarm sound paused. */
export function BellOff() {
  return (
    <svg class="glyph" viewBox="0 0 24 24" aria-hidden="true">
      <path
        d="M12 3a6 6 0 0 0-6 6v5l-2 3h16l-2-3V9a6 6 0 0 0-6-6zm-2 16a2 2 0 0 0 4 0z"
        fill="none"
        stroke="currentColor"
        stroke-width="1.8"
        stroke-linejoin="round"
      />
      <path d="M3 3l18 18M21 3L3 21" stroke="currentColor" stroke-width="1.8" stroke-dasharray="3 2" />
    </svg>
  );
}
