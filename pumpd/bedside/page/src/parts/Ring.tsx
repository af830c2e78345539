// The infusion as two rings: the volume inside, the time of the window outside.

import type { ComponentChildren } from "preact";

interface Props {
  volume: number;
  window: number;
  /** The earliest permitted end of the dose, as a part of the window. */
  least: number;
  label: string;
  children?: ComponentChildren;
}

const whole = (part: number) => Math.min(1, Math.max(0, Number.isFinite(part) ? part : 0));

function Arc({ radius, part, kind }: { radius: number; part: number; kind: string }) {
  const round = 2 * Math.PI * radius;
  return (
    <circle
      class={kind}
      cx="100"
      cy="100"
      r={radius}
      stroke-dasharray={round}
      stroke-dashoffset={round * (1 - whole(part))}
      transform="rotate(-90 100 100)"
    />
  );
}

export function Ring({ volume, window, least, label, children }: Props) {
  const angle = (whole(least) * 360 - 90) * (Math.PI / 180);
  const at = (radius: number) => [100 + radius * Math.cos(angle), 100 + radius * Math.sin(angle)] as const;
  const [[x1, y1], [x2, y2]] = [at(91), at(98)];
  return (
    <div class="ring" role="img" aria-label={label}>
      <svg viewBox="0 0 200 200" aria-hidden="true">
        <circle class="ring-window-track" cx="100" cy="100" r="94.5" />
        <Arc kind="ring-window" radius={94.5} part={window} />
        {least > 0 && least < 1 && <line class="ring-mark" x1={x1} y1={y1} x2={x2} y2={y2} />}
        <circle class="ring-track" cx="100" cy="100" r="79" />
        <Arc kind="ring-volume" radius={79} part={volume} />
      </svg>
      <div class="ring-words" aria-hidden="true">
        {children}
      </div>
    </div>
  );
}
