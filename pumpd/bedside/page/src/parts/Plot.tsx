// Programmed and delivered volume over time.

import { useMemo } from "preact/hooks";
import { Chart } from "./Chart.tsx";
import { curves } from "../state/curves.ts";
import type { Point, Step } from "../state/types.ts";

export function Plot({ steps, points, before }: { steps: Step[]; points: Point[]; before: number }) {
  const data = useMemo(() => curves(steps, points, before), [steps, points, before]);
  return (
    <figure class="plot">
      <figcaption>
        <span class="key key-programmed">Programmed</span>
        <span class="key key-delivered">Delivered</span>
        <span class="axis">mL over minutes</span>
      </figcaption>
      <Chart
        label="Volume programmed and volume delivered over time"
        data={data}
        curves={(colour) => ({
          series: [
            { stroke: colour("--muted"), width: 2, dash: [6, 5] },
            { stroke: colour("--accent"), width: 3 },
          ],
        })}
      />
    </figure>
  );
}
