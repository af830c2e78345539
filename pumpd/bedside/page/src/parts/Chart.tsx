// Curves over minutes, drawn by uPlot in the colours of the theme. uPlot is loaded with the first chart: no number and no
// button waits for it. Without it the place of the curve stays empty.

import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { onTheme, theme } from "./theme.ts";
import { decimal } from "../words/numbers.ts";

interface Props {
  /** What is drawn, for those who do not see it. */
  label: string;
  data: uPlot.AlignedData;
  /** The curves, and the areas between two of them; `colour` gives a colour of the theme. */
  curves: (colour: (name: string) => string) => Pick<uPlot.Options, "bands"> & { series: uPlot.Series[] };
}

export function Chart({ label, data, curves }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(data);
  latest.current = data;
  const [colours, setColours] = useState(theme);
  useEffect(() => onTheme(setColours), []);
  useEffect(() => {
    const at = box.current;
    if (!at) return undefined;
    let shown = true;
    const resize = new ResizeObserver(() => plot.current?.setSize(size(at)));
    const draw = async () => {
      const { default: UPlot } = await import("uplot");
      if (!shown) return;
      plot.current = new UPlot(options(at, curves), latest.current, at);
      resize.observe(at);
    };
    void draw().catch(() => undefined);
    return () => {
      shown = false;
      resize.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [colours]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div ref={box} class="plot-box" role="img" aria-label={label} />;
}

const size = (at: HTMLElement) => ({ width: Math.max(120, at.clientWidth), height: Math.max(90, at.clientHeight) });

function options(at: HTMLElement, curves: Props["curves"]): uPlot.Options {
  const style = getComputedStyle(at);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `14px ${style.fontFamily}`,
    values: (_: uPlot, ticks: number[]) => ticks.map((tick) => decimal(tick, 3)),
  };
  const { series, bands } = curves(colour);
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
    series: [{}, ...series.map((each) => ({ points: { show: false }, spanGaps: true, ...each }))],
    ...(bands ? { bands } : {}),
  };
}
