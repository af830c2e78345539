// The fixed bar at the bottom: Stop, and beside it the one act for which a screen is there (hold, pause, resume, …).
// A screen renders `<Dock>…</Dock>` anywhere; it appears in the bar. An empty place keeps its room: Stop never moves.

import { render, type ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Boundary } from "./Boundary.tsx";
import { SETTLE_MS } from "./settled.ts";
import { now } from "../state/store.ts";
import { say } from "../words/say.ts";
import { RUN } from "../words/texts/run.ts";

const SLOT = "dock-act";

/** The place in the bar that `Dock` fills. `Frame` renders it once, beside Stop. */
export const DockSlot = () => <div class="dock-act" id={SLOT} />;

/** The act that was there last, and until when. */
let before = { words: "", until: -SETTLE_MS };

/** A touch that was meant for another act does nothing. A hold takes longer than that, and cannot be hit by mistake. */
function holdBack(place: HTMLElement): void {
  if (now() - before.until >= SETTLE_MS || place.textContent === before.words || place.querySelector(".hold")) return;
  place.inert = true;
  setTimeout(() => (place.inert = false), SETTLE_MS);
}

export function Dock({ children }: { children: ComponentChildren }) {
  const place = useRef<HTMLDivElement | null>(null);
  // A root of its own instead of a portal of preact/compat, which would add 4 kB. So it needs a boundary of its own.
  useLayoutEffect(() => {
    if (!place.current) {
      place.current = document.createElement("div");
      place.current.className = "docked";
    }
    const first = !place.current.isConnected;
    if (first) document.getElementById(SLOT)?.append(place.current);
    render(<Boundary name={say(RUN.this_button)}>{children}</Boundary>, place.current);
    if (first) holdBack(place.current);
  });
  useLayoutEffect(
    () => () => {
      if (!place.current) return;
      before = { words: place.current.textContent, until: now() };
      render(null, place.current);
      place.current.remove();
    },
    [],
  );
  return null;
}
