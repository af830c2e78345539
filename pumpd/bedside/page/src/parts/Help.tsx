// The help key: what this screen is for, what to do if nothing happens, and what the signs on it mean. It lies over the
// screen and moves nothing. It never covers a Stop or an alarm.

import { useLayoutEffect, useRef } from "preact/hooks";
import { Legend } from "./Legend.tsx";
import { useOverlay } from "./overlay.ts";
import type { Guide } from "../words/guide.ts";
import { say } from "../words/say.ts";
import { HELP } from "../words/texts/help.ts";

const GAP = 8;
const LEAST = 96; // px: less is no help

export function HelpKey({ guide }: { guide: Guide }) {
  const { root, key, open, close, toggle } = useOverlay();
  const panel = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (!open) return undefined;
    const place = () => {
      if (panel.current && !placed(panel.current)) close();
    };
    place();
    addEventListener("scroll", place);
    addEventListener("resize", place);
    return () => {
      removeEventListener("scroll", place);
      removeEventListener("resize", place);
    };
  });
  useLayoutEffect(() => {
    if (open) panel.current?.focus({ preventScroll: true });
  }, [open]);
  return (
    <div class="guide-root" ref={root}>
      <button type="button" class="icon" ref={key} aria-label={say(HELP.help)} aria-expanded={open} onClick={toggle}>
        <span aria-hidden="true">?</span>
      </button>
      {open && (
        <section class="guide" role="dialog" aria-label={say(HELP.help)} tabIndex={-1} ref={panel}>
          <button type="button" class="guide-close" aria-label={say(HELP.close)} onClick={close}>
            <span aria-hidden="true">×</span>
          </button>
          <div class="guide-words">
            <h2>{say(HELP.purpose)}</h2>
            <p>{say(guide.purpose)}</p>
            <h3>{say(HELP.stuck)}</h3>
            <p>{say(guide.stuck)}</p>
          </div>
          {guide.signs && <Legend />}
        </section>
      )}
    </div>
  );
}

const box = (selector: string): DOMRect[] =>
  [...document.querySelectorAll(selector)].map((each) => each.getBoundingClientRect());

/** Puts the panel below the header and the alarms and above the first Stop, or else on top of the header. False: no room. */
function placed(panel: HTMLElement): boolean {
  const most = Math.max;
  const alarms = box(".alarms")[0];
  const from = most(0, box(".top")[0]?.bottom ?? 0, alarms?.bottom ?? 0);
  const stops = box(".dock, main .stop").map(({ top }) => top);
  const to = Math.min(innerHeight, ...stops.filter((top) => top > from));
  const low = [from + GAP, to - GAP] as const;
  const high = [GAP, Math.min(alarms?.top ?? innerHeight, ...stops.filter((top) => top > 0)) - GAP] as const;
  const [top, bottom] = low[1] - low[0] >= high[1] - high[0] || low[1] - low[0] > 2 * LEAST ? low : high;
  panel.style.top = `${top}px`;
  panel.style.maxHeight = `${bottom - top}px`;
  return bottom - top >= LEAST;
}
