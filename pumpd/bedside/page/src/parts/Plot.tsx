// Programmed and delivered volume over time.

import { useMemo } from "preact/hooks";
import { Chart } from "./Chart.tsx";
import { curves } from "../state/curves.ts";
import type { Point, Step } from "../state/types.ts";
import { say } from "../words/say.ts";
import { OBSERVE } from "../words/texts/observe.ts";

export function Plot({ steps, points, before }: { steps: Step[]; points: Point[]; before: number }) {
  const [minutes, programmed, given] = useMemo(() => curves(steps, points, before), [steps, points, before]);
  return (
    <figure class="plot">
      <figcaption>
        <span class="key key-programmed">{say(OBSERVE.programmed)}</span>
        <span class="key key-delivered">{say(OBSERVE.delivered)}</span>
        <span class="axis">{say(OBSERVE.ml_over_minutes)}</span>
      </figcaption>
      <Chart
        label={say(OBSERVE.volume_over_time)}
        minutes={minutes}
        curves={[
          { values: programmed, kind: "programmed" },
          { values: given, kind: "given" },
        ]}
      />
    </figure>
  );
}
