// A chart as plain numbers: its marks, and its curves in a box of 100 by 100 with 0 at the bottom left. For drawing only.

/** Numbers of a curve, or null where it has no value. All curves of a chart are over the same instants. */
export type Values = readonly (number | null)[];

export interface Box {
  /** Where the curves begin and end. */
  x: readonly [least: number, most: number];
  most: number;
}

/** The range of a chart: all instants, and from 0 to a little above the highest value. */
export function boxOf(at: readonly number[], curves: readonly Values[]): Box {
  const most = curves.flat().reduce<number>((highest, each) => Math.max(highest, each ?? 0), 0);
  return { x: [at[0] ?? 0, at.at(-1) ?? 0], most: Math.max(1, most * 1.05) };
}

const MOST_MARKS = 6;

/** Round numbers within the range, at most six. */
export function marks([least, most]: readonly [number, number]): number[] {
  if (!(most > least)) return [];
  const ten = 10 ** Math.floor(Math.log10((most - least) / MOST_MARKS));
  const step = [1, 2, 5, 10].map((times) => times * ten).find((each) => (most - least) / each < MOST_MARKS)!;
  const first = Math.ceil(least / step - 1e-9);
  const count = Math.floor(most / step + 1e-9) - first + 1;
  const places = Math.max(0, -Math.floor(Math.log10(step)));
  return Array.from({ length: count }, (_, each) => Number(((first + each) * step).toFixed(places)));
}

/** In percent of the box, from the left. */
export const across = ({ x: [least, most] }: Box, at: number): number =>
  most > least ? (100 * (at - least)) / (most - least) : 0;

/** In percent of the box, from its top: as a screen counts. */
export const down = ({ most }: Box, value: number): number => 100 - (100 * value) / most;

const places = (percent: number): string => String(Math.round(percent * 100) / 100);

/** The points of a curve, left to right; instants without a value are passed over. */
export const points = (box: Box, at: readonly number[], values: Values): string[] =>
  values.flatMap((value, each) =>
    value === null ? [] : [`${places(across(box, at[each]!))},${places(down(box, value))}`],
  );
