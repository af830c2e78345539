// The estimated plasma concentration as a band between published models. It is shown and decides nothing (PRG-23).

import { useMemo } from "preact/hooks";
import { Chart } from "./Chart.tsx";
import { bandData, type PlasmaPoint } from "../state/plasma.ts";
import type { PlasmaBand, PlasmaNow } from "../state/types.ts";
import { reason } from "../words/reasons.ts";

interface Props {
  band?: PlasmaBand | null | undefined;
  track?: PlasmaPoint[] | undefined;
  now?: PlasmaNow | null | undefined;
  peak?: { peak_low_ng_ml: number; peak_high_ng_ml: number; note: string } | null | undefined;
}

const NO_TRACK: PlasmaPoint[] = [];

export function Plasma({ band = null, track = NO_TRACK, now, peak }: Props) {
  const data = useMemo(() => bandData(band, track), [band, track]);
  const known = now ?? peak ?? band;
  if (!known) return null;
  const highest = peak ?? band;
  const words = [
    ...(now ? [`now ${now.low_ng_ml} to ${now.high_ng_ml} ng/mL`] : []),
    ...(highest ? [`highest ${highest.peak_low_ng_ml} to ${highest.peak_high_ng_ml} ng/mL`] : []),
  ].join(", ");
  return (
    <figure class="plot plasma" aria-label="Plasma concentration, an estimate" data-testid="plasma">
      <figcaption>
        <b>Plasma: {words}</b>
        {data[0].length > 1 && <span class="axis">ng/mL over minutes</span>}
        <span class="plasma-note">{reason(known.note)}</span>
      </figcaption>
      {data[0].length > 1 && (
        <Chart
          label={`Plasma concentration over time, ${reason(known.note)}: ${words}`}
          data={data}
          curves={(colour) => ({
            series: [
              { stroke: colour("--edge"), width: 1, dash: [4, 4] },
              { stroke: colour("--edge"), width: 1, dash: [4, 4] },
              { stroke: colour("--accent"), width: 2 },
              { stroke: colour("--accent"), width: 2 },
            ],
            bands: [
              { series: [2, 1], fill: colour("--track") },
              { series: [4, 3], fill: colour("--good-ground") },
            ],
          })}
        />
      )}
    </figure>
  );
}
