// The pressure in the line over the last ten minutes, as a small curve.

import type { Point } from "../state/types.ts";

const LAST_S = 600;

export function Trend({ points, label }: { points: Point[]; label: string }) {
  const end = points.at(-1)?.[0] ?? 0;
  const seen = points.filter(([elapsed, , , pressure]) => pressure !== null && elapsed >= end - LAST_S);
  if (seen.length < 2) return null;
  const begin = seen[0]![0];
  const most = Math.max(100, ...seen.map(([, , , pressure]) => pressure ?? 0));
  const line = seen
    .map(
      ([elapsed, , , pressure]) =>
        `${(((elapsed - begin) / Math.max(1, end - begin)) * 100).toFixed(1)},${(28 - ((pressure ?? 0) / most) * 26).toFixed(1)}`,
    )
    .join(" ");
  return (
    <svg class="trend" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline points={line} />
    </svg>
  );
}
