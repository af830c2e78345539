// Curves over minutes, as SVG in the colours of the theme. The box of the curves is stretched to its place; the numbers
// beside it are not.

import { across, between, boxOf, curve, down, marks, type Values } from "../state/drawing.ts";
import { decimal } from "../words/numbers.ts";

export interface Curve {
  values: Values;
  /** Its class in style/chart.css. */
  kind: "programmed" | "given" | "planned" | "estimated";
  /** Fill the area between this curve and the next one. */
  band?: boolean;
}

interface Props {
  /** What is drawn, for those who do not see it. */
  label: string;
  minutes: readonly number[];
  curves: readonly Curve[];
}

/** Percent of the place, from its left and its top. */
const [LEFT, TOP, WIDTH, HEIGHT] = [9, 4, 89, 80];

export function Chart({ label, minutes, curves }: Props) {
  const box = boxOf(
    minutes,
    curves.map(({ values }) => values),
  );
  return (
    <svg class="chart" role="img" aria-label={label}>
      {marks([0, box.most]).map((mark) => {
        const y = `${TOP + (down(box, mark) * HEIGHT) / 100}%`;
        return (
          <g key={`y${mark}`}>
            <line class="chart-line" x1={`${LEFT}%`} x2={`${LEFT + WIDTH}%`} y1={y} y2={y} />
            <text class="chart-value" x={`${LEFT - 1.5}%`} y={y}>
              {decimal(mark)}
            </text>
          </g>
        );
      })}
      {marks(box.x).map((mark) => {
        const x = `${LEFT + (across(box, mark) * WIDTH) / 100}%`;
        return (
          <g key={`x${mark}`}>
            <line class="chart-line" x1={x} x2={x} y1={`${TOP}%`} y2={`${TOP + HEIGHT}%`} />
            <text class="chart-minute" x={x} y="100%">
              {decimal(mark)}
            </text>
          </g>
        );
      })}
      <svg
        aria-hidden="true"
        x={`${LEFT}%`}
        y={`${TOP}%`}
        width={`${WIDTH}%`}
        height={`${HEIGHT}%`}
        viewBox="0 0 100 100"
        preserveAspectRatio="none"
      >
        {curves.map(({ kind, values, band }, each) => (
          <g key={each} class={`curve curve-${kind}`}>
            {band && <path class="band" d={between(box, minutes, values, curves[each + 1]!.values)} />}
            <path class="line" d={curve(box, minutes, values)} />
          </g>
        ))}
      </svg>
    </svg>
  );
}
