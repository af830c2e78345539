// Curves over a day or a year, drawn by uPlot in the colours of the theme.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { onAxis } from "./words.ts";
import { onTheme, theme } from "../../../pumpd/bedside/page/src/parts/theme.ts";

interface Props {
  /** What is drawn, for those who do not see it. */
  label: string;
  data: uPlot.AlignedData;
  /** From when to when, in seconds. */
  span: [number, number];
  series: { label: string; colour: string; dash?: number[] }[];
}

export function Curves({ label, data, span, series }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [colours, setColours] = useState(theme);
  useEffect(() => onTheme(setColours), []);
  useEffect(() => {
    const at = box.current;
    if (!at) return undefined;
    const style = getComputedStyle(at);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--muted"),
      grid: { stroke: colour("--line"), width: 1 },
      font: `14px ${style.fontFamily}`,
    };
    const size = () => ({ width: Math.max(240, at.clientWidth), height: 260 });
    const made = new uPlot(
      {
        ...size(),
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { range: () => span }, y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.05)] } },
        axes: [
          {
            ...axis,
            values: (_, splits, __, ___, between_s) => splits.map((each) => onAxis(new Date(each * 1000), between_s)),
          },
          { ...axis, size: 56 },
        ],
        series: [
          {},
          ...series.map((each) => ({
            stroke: colour(each.colour),
            width: 2,
            points: { show: data[0].length < 3 },
            ...(each.dash ? { dash: each.dash } : {}),
          })),
        ],
      },
      data,
      at,
    );
    const resize = new ResizeObserver(() => made.setSize(size()));
    resize.observe(at);
    return () => {
      resize.disconnect();
      made.destroy();
    };
  }, [colours, data, span]);
  return (
    <figure class="curves">
      <figcaption>
        {series.map((each) => (
          <span key={each.label} class={`key key-${each.colour.slice(2)}`}>
            {each.label}
          </span>
        ))}
      </figcaption>
      <div ref={box} role="img" aria-label={label} />
    </figure>
  );
}
