// The totals of the two scales that may be entered.

/** The highest total of each scale. */
export const SCALES: Record<string, number> = { "PHQ-9": 27, MADRS: 60 };

/** The total as a number, or what is wrong with it. Without a scale there is none. */
export function totalOf(scale: string, text: string): { number: number | null; wrong: string } {
  const most = SCALES[scale];
  if (most === undefined) return { number: null, wrong: "" };
  const number = /^\d{1,2}$/.test(text.trim()) ? Number(text.trim()) : null;
  return number !== null && number <= most
    ? { number, wrong: "" }
    : { number: null, wrong: `a whole number from 0 to ${most}` };
}
