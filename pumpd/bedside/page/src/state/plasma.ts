// The estimated plasma concentration over minutes, for drawing: the band of the program, and what was estimated so far.

import type { PlasmaBand, PlasmaNow } from "./types.ts";

/** minutes since the start, lowest and highest of the models in ng/mL */
export type PlasmaPoint = [minutes: number, low: number, high: number];

const MOST_POINTS = 600;

/** The estimate as it came, with one more point. A point every 10 s of the infusion is enough for a curve. */
export function withEstimate(
  track: PlasmaPoint[] | undefined,
  now: PlasmaNow | null | undefined,
  elapsedS: number,
): PlasmaPoint[] | undefined {
  if (!now) return track;
  const last = track?.at(-1);
  const minutes = elapsedS / 60;
  if (last && minutes < last[0] + 1 / 6) return track;
  return [...(track ?? []), [minutes, now.low_ng_ml, now.high_ng_ml] as PlasmaPoint].slice(-MOST_POINTS);
}

export type BandData = [number[], (number | null)[], (number | null)[], (number | null)[], (number | null)[]];

/** Minutes; lowest and highest of the program; lowest and highest so far. Null: no value at that instant. */
export function bandData(band: PlasmaBand | null, track: readonly PlasmaPoint[]): BandData {
  const planned = new Map(band?.minutes.map((at, each) => [at, [band.low_ng_ml[each], band.high_ng_ml[each]]]) ?? []);
  const seen = new Map(track.map(([at, low, high]) => [at, [low, high]]));
  const times = [...new Set([...planned.keys(), ...seen.keys()])].sort((a, b) => a - b);
  const of = (from: Map<number, (number | undefined)[]>, which: 0 | 1) =>
    times.map((at) => from.get(at)?.[which] ?? null);
  return [times, of(planned, 0), of(planned, 1), of(seen, 0), of(seen, 1)];
}
