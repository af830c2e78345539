// A chart as plain numbers, by d3: its marks, and its curves in a box of 100 by 100 as a screen counts. For drawing only.

import { ticks } from "d3-array";
import { area, line } from "d3-shape";

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
  line<number>(
    (each) => across(box, at[each]!),
    (each) => down(box, values[each]!),
  ).digits(2)(known(values)) ?? "";

/** The area between two curves as a path, where both have a value. */
export const between = (box: Box, at: readonly number[], one: Values, other: Values): string =>
  area<number>(
    (each) => across(box, at[each]!),
    (each) => down(box, one[each]!),
    (each) => down(box, other[each]!),
  ).digits(2)(known(one).filter((each) => other[each] !== null)) ?? "";

const known = (values: Values): number[] => values.flatMap((value, each) => (value === null ? [] : [each]));
