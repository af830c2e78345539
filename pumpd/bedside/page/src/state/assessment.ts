// The totals of the two scales that may be entered.

/** The highest total of each scale. */
export const SCALES: Record<string, number> = { "PHQ-9": 27, MADRS: 60 };

/** The total as a number. `wrong`: it is no whole number up to the highest total of the scale. Without a scale there is none. */
export function totalOf(scale: string, text: string): { number: number | null; wrong: boolean } {
  const most = SCALES[scale];
  if (most === undefined) return { number: null, wrong: false };
  const number = /^\d{1,2}$/.test(text.trim()) ? Number(text.trim()) : null;
  return number !== null && number <= most ? { number, wrong: false } : { number: null, wrong: true };
}
