// The two curves of the plot: programmed and delivered volume over minutes. For drawing only.

import type { Infusion, Point, Review, Step } from "./types.ts";
import { drawn } from "../words/numbers.ts";
import { stepSeconds } from "../words/terms.ts";

type Corner = [elapsedS: number, ml: number];

/** Null: no value at that instant. `before`: the volume given before the present steps, where they begin. */
export function curves(
  steps: Step[],
  points: Point[],
  before: number,
): [number[], (number | null)[], (number | null)[]] {
  const corners: Corner[] = [[begin(points, before), before]];
  for (const step of steps) {
    const [from, given] = corners.at(-1) as Corner;
    corners.push([from + stepSeconds(step), given + drawn(step.volume_ml)]);
  }
  const delivered = new Map(points.map(([elapsed, volume]) => [elapsed, volume]));
  const times = [...new Set([...corners.map(([at]) => at), ...delivered.keys()])].sort((a, b) => a - b);
  return [
    times.map((at) => at / 60),
    times.map((at) => programmed(corners, at)),
    times.map((at) => delivered.get(at) ?? null),
  ];
}

const ROUNDED_ML = 0.1; // at most so much of a rest is left out by rounding down

/** What this delivery had given before its present steps. What earlier deliveries of the treatment gave is not in its curve. */
export function givenBefore(
  infusion: Pick<Infusion, "earlier_ml"> & { review: Pick<Review, "given_before_ml"> },
): number {
  const here = drawn(infusion.review.given_before_ml) - drawn(infusion.earlier_ml);
  return here > ROUNDED_ML ? here : 0;
}

/** When the present steps began: at 0, or after a pause at the last instant with no more volume than before it. */
function begin(points: Point[], before: number): number {
  if (before === 0) return 0;
  return points.findLast(([, volume]) => volume <= before + 0.001)?.[0] ?? 0;
}

function programmed(corners: Corner[], at: number): number | null {
  const next = corners.findIndex(([time]) => time >= at);
  if (next < 0 || at < corners[0]![0]) return null;
  const [end, high] = corners[next] as Corner;
  const [from, low] = corners[Math.max(0, next - 1)] as Corner;
  return end > from ? low + ((high - low) * (at - from)) / (end - from) : high;
}
