// Programmed and delivered volume over time, drawn by uPlot in the colours of the theme.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { onTheme, theme } from "./theme.ts";
import { curves } from "../state/curves.ts";
import type { Point, Step } from "../state/types.ts";

export function Plot({ steps, points, before }: { steps: Step[]; points: Point[]; before: number }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [colours, setColours] = useState(theme);
  useEffect(() => onTheme(setColours), []);
  useEffect(() => {
    const at = box.current;
    if (!at) return undefined;
    const made = new uPlot(options(at), curves(steps, points, before), at);
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize(size(at)));
    resize.observe(at);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [colours]);
  useEffect(() => plot.current?.setData(curves(steps, points, before)), [steps, points, before]);
  return (
    <figure class="plot">
      <figcaption>
        <span class="key key-programmed">Programmed</span>
        <span class="key key-delivered">Delivered</span>
        <span class="axis">mL over minutes</span>
      </figcaption>
      <div ref={box} class="plot-box" role="img" aria-label="Volume programmed and volume delivered over time" />
    </figure>
  );
}

const size = (at: HTMLElement) => ({ width: Math.max(120, at.clientWidth), height: Math.max(90, at.clientHeight) });

function options(at: HTMLElement): uPlot.Options {
  const style = getComputedStyle(at);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `14px ${style.fontFamily}`,
  };
  return {
    ...size(at),
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
    axes: [
      { ...axis, size: 28 },
      { ...axis, size: 40 },
    ],
    series: [
      {},
      { stroke: colour("--muted"), width: 2, dash: [6, 5], points: { show: false }, spanGaps: true },
      { stroke: colour("--accent"), width: 3, points: { show: false }, spanGaps: true },
    ],
  };
}
