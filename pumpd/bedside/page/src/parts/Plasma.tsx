// The estimated plasma concentration as a band between published models. It is shown and decides nothing (PRG-23).

import { useMemo } from "preact/hooks";
import { Chart } from "./Chart.tsx";
import { bandData, type PlasmaPoint } from "../state/plasma.ts";
import type { PlasmaBand, PlasmaNow } from "../state/types.ts";
import { decimal } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { OBSERVE } from "../words/texts/observe.ts";
import { reason } from "../words/reasons.ts";

interface Props {
  band?: PlasmaBand | null | undefined;
  track?: PlasmaPoint[] | undefined;
  now?: PlasmaNow | null | undefined;
  peak?: { peak_low_ng_ml: number; peak_high_ng_ml: number; note: string } | null | undefined;
}

const NO_TRACK: PlasmaPoint[] = [];

const range = (low: number, high: number) => ({ low: decimal(low), high: decimal(high) });

export function Plasma({ band = null, track = NO_TRACK, now, peak }: Props) {
  const [minutes, low, high, lowSoFar, highSoFar] = useMemo(() => bandData(band, track), [band, track]);
  const known = now ?? peak ?? band;
  if (!known) return null;
  const highest = peak ?? band;
  const words = [
    ...(now ? [say(OBSERVE.plasma_now, range(now.low_ng_ml, now.high_ng_ml))] : []),
    ...(highest ? [say(OBSERVE.plasma_highest, range(highest.peak_low_ng_ml, highest.peak_high_ng_ml))] : []),
  ].join(", ");
  return (
    <figure class="plot plasma" aria-label={say(OBSERVE.plasma)} data-testid="plasma">
      <figcaption>
        <b>{say(OBSERVE.plasma_is, { values: words })}</b>
        {minutes.length > 1 && <span class="axis">{say(OBSERVE.plasma_axis)}</span>}
        <span class="plasma-note">{reason(known.note)}</span>
      </figcaption>
      {minutes.length > 1 && (
        <Chart
          label={say(OBSERVE.plasma_over_time, { note: reason(known.note), values: words })}
          minutes={minutes}
          curves={[
            { values: high, kind: "planned", band: true },
            { values: low, kind: "planned" },
            { values: highSoFar, kind: "estimated", band: true },
            { values: lowSoFar, kind: "estimated" },
          ]}
        />
      )}
    </figure>
  );
}
