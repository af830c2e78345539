// What was recorded of one bed. A time without readings is a gap in the curve: a line across it would be a guess.

export interface Trend {
  step_s: number;
  at: number[];
  rate: (number | null)[];
  rate_max: (number | null)[];
  infused_ml: (number | null)[];
  pressure_max: (number | null)[];
}

const CURVES = ["rate", "rate_max", "infused_ml", "pressure_max"] as const;

/** With an empty point after each one that no other follows within two steps. */
export function withGaps(trend: Trend): Trend {
  const made: Trend = { ...trend, at: [], rate: [], rate_max: [], infused_ml: [], pressure_max: [] };
  trend.at.forEach((at, place) => {
    made.at.push(at);
    for (const name of CURVES) made[name].push(trend[name][place] ?? null);
    const next = trend.at[place + 1];
    if (next !== undefined && next - at > 2 * trend.step_s) {
      made.at.push(at + trend.step_s);
      for (const name of CURVES) made[name].push(null);
    }
  });
  return made;
}
