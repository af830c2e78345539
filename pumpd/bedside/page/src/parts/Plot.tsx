// Programmed against delivered: volume over time. Drawn by uPlot, in the colours of the theme.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { onTheme, theme } from "./theme.ts";
import type { Point, Step } from "../state/types.ts";
import { drawn } from "../words/figures.ts";
import { stepSeconds } from "../words/terms.ts";

/** The programmed curve and the delivered one on a common axis of minutes. Null: no value at that instant. */
export function curves(steps: Step[], points: Point[]): [number[], (number | null)[], (number | null)[]] {
  const corners: [number, number][] = [[0, 0]];
  for (const step of steps) {
    const [begin, given] = corners.at(-1) as [number, number];
    corners.push([begin + stepSeconds(step), given + drawn(step.volume_ml)]);
  }
  const delivered = new Map(points.map(([elapsed, volume]) => [elapsed, volume]));
  const times = [...new Set([...corners.map(([at]) => at), ...delivered.keys()])].sort((a, b) => a - b);
  return [times.map((at) => at / 60), times.map((at) => programmed(corners, at)), times.map((at) => delivered.get(at) ?? null)];
}

function programmed(corners: [number, number][], at: number): number | null {
  const next = corners.findIndex(([time]) => time >= at);
  if (next < 0) return null;
  const [end, high] = corners[next] as [number, number];
  const [begin, low] = corners[Math.max(0, next - 1)] as [number, number];
  return end > begin ? low + ((high - low) * (at - begin)) / (end - begin) : high;
}

export function Plot({ steps, points }: { steps: Step[]; points: Point[] }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [worn, wear] = useState(theme);
  useEffect(() => onTheme(wear), []);
  useEffect(() => {
    const at = box.current;
    if (!at) return undefined;
    const made = new uPlot(options(at), curves(steps, points), at);
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize(size(at)));
    resize.observe(at);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [worn]);
  useEffect(() => plot.current?.setData(curves(steps, points)), [steps, points]);
  return (
    <figure class="plot">
      <figcaption><span class="key key-programmed">Programmed</span><span class="key key-delivered">Delivered</span><span class="axis">mL over minutes</span></figcaption>
      <div ref={box} class="plot-box" role="img" aria-label="Volume programmed and volume delivered over time" />
    </figure>
  );
}

const size = (at: HTMLElement) => ({ width: Math.max(120, at.clientWidth), height: Math.max(90, at.clientHeight) });

function options(at: HTMLElement): uPlot.Options {
  const style = getComputedStyle(at);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `14px ${style.fontFamily}` };
  return {
    ...size(at),
    legend: { show: false },
    cursor: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    scales: { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
    axes: [{ ...axis, size: 28 }, { ...axis, size: 40 }],
    series: [
      {},
      { stroke: colour("--muted"), width: 2, dash: [6, 5], points: { show: false }, spanGaps: true },
      { stroke: colour("--accent"), width: 3, points: { show: false }, spanGaps: true },
    ],
  };
}
