// Hold for 1.5 s: finger, mouse, Space or Enter. A bar fills. Letting go or leaving the button starts nothing.
// While it is grey it says why.

import { useEffect, useRef, useState } from "preact/hooks";
import { now } from "../state/store.ts";
import { say } from "../words/say.ts";
import { REVIEW } from "../words/texts/review.ts";

const HOLD_MS = 1500;
/** A hold that was not checked for longer than this no longer counts. */
const UNCHECKED_MS = 750;
const STEPS = 6;

interface Props {
  label: string;
  /** Why nothing can be started now; null when it can. */
  why: string | null;
  busy?: boolean;
  onBegin: () => void;
  onHeld: () => void;
}

export function HoldButton({ label, why, busy, onBegin, onHeld }: Props) {
  const [part, fill] = useState(0);
  const begun = useRef<number | null>(null);
  const checkedAt = useRef(0);
  const frame = useRef(0);
  const done = useRef(onHeld);
  done.current = onHeld;

  const release = () => {
    begun.current = null;
    cancelAnimationFrame(frame.current);
    fill(0);
  };
  const check = () => {
    if (begun.current === null) return;
    const held = now() - begun.current;
    const unchecked = now() - checkedAt.current;
    checkedAt.current = now();
    if (unchecked > UNCHECKED_MS) {
      release(); // the finger may have left meanwhile
    } else if (held >= HOLD_MS) {
      release();
      done.current();
    } else {
      fill(held / HOLD_MS);
      frame.current = requestAnimationFrame(check);
    }
  };
  const begin = () => {
    if (begun.current !== null || why !== null || busy) return;
    begun.current = checkedAt.current = now();
    onBegin();
    frame.current = requestAnimationFrame(check);
  };
  useEffect(() => {
    const away = ["visibilitychange", "freeze"]; // a hidden or sleeping page cannot know whether the finger is still there
    for (const event of away) document.addEventListener(event, release);
    return () => {
      for (const event of away) document.removeEventListener(event, release);
      cancelAnimationFrame(frame.current);
      begun.current = null;
    };
  }, []);
  useEffect(() => {
    if (why !== null) release();
  }, [why]);

  const holds = (event: KeyboardEvent) => event.key === " " || event.key === "Enter";
  const steps = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const shown = steps ? Math.floor(part * STEPS) / STEPS : part;
  const below = busy ? say(REVIEW.wait) : (why ?? say(part > 0 ? REVIEW.let_go : REVIEW.hold_time));
  return (
    <button
      type="button"
      class="hold"
      disabled={why !== null || busy}
      data-testid="hold"
      data-held={part > 0}
      onPointerDown={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId))
          event.currentTarget.releasePointerCapture(event.pointerId); // so that leaving the button is noticed
        if (event.button === 0) begin();
      }}
      onPointerUp={release}
      onPointerLeave={release}
      onPointerCancel={release}
      onContextMenu={(event) => event.preventDefault()}
      onBlur={release}
      onKeyDown={(event) => {
        if (!holds(event)) return release();
        event.preventDefault();
        if (!event.repeat) begin();
      }}
      onKeyUp={(event) => holds(event) && release()}
    >
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        <rect class="hold-fill" width={100 * shown} height="1" />
      </svg>
      <span>{busy ? say(REVIEW.starting) : part > 0 ? say(REVIEW.keep_holding) : label}</span> <small>{below}</small>
    </button>
  );
}
