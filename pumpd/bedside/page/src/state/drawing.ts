// A chart as plain numbers: its marks by d3, its curves in a box of 100 by 100 as a screen counts. For drawing only.

import { ticks } from "d3-array";

/** Numbers of a curve, or null where it has no value. All curves of a chart are over the same instants. */
export type Values = readonly (number | null)[];

export interface Box {
  /** Where the curves begin and end. */
  x: readonly [least: number, most: number];
  most: number;
}

const MARKS = 4;

/** The range of a chart: all instants, and from 0 to a little above the highest value. */
export function boxOf(at: readonly number[], curves: readonly Values[]): Box {
  const most = curves.flat().reduce<number>((highest, each) => Math.max(highest, each ?? 0), 0);
  return { x: [at[0] ?? 0, at.at(-1) ?? 0], most: Math.max(1, most * 1.05) };
}

/** Round numbers within the range, about four. */
export const marks = ([least, most]: readonly [number, number]): number[] =>
  most > least ? ticks(least, most, MARKS) : [];

/** In percent of the box, from the left. */
export const across = ({ x: [least, most] }: Box, at: number): number =>
  most > least ? (100 * (at - least)) / (most - least) : 0;

/** In percent of the box, from its top. */
export const down = ({ most }: Box, value: number): number => 100 - (100 * value) / most;

/** A curve as a path, left to right; instants without a value are passed over. */
export const curve = (box: Box, at: readonly number[], values: Values): string =>
  path(known(values).map((each) => point(box, at[each]!, values[each]!)));

/** The area between two curves as a path, where both have a value. */
export function between(box: Box, at: readonly number[], one: Values, other: Values): string {
  const both = known(one).filter((each) => other[each] !== null);
  const side = (of: Values) => both.map((each) => point(box, at[each]!, of[each]!));
  return both.length ? `${path([...side(other), ...side(one).reverse()])}Z` : "";
}

const point = (box: Box, at: number, value: number): string => `${short(across(box, at))},${short(down(box, value))}`;
const short = (percent: number): number => Math.round(percent * 100) / 100;
const path = (points: readonly string[]): string => (points.length ? `M${points.join("L")}` : "");

const known = (values: Values): number[] => values.flatMap((value, each) => (value === null ? [] : [each]));
