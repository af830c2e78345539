// One bed: what is true now, and its trend over an hour to a year.

import { useMemo, useState } from "preact/hooks";
import type { Board } from "../ask.ts";
import { useAsked } from "../asking.ts";
import { Curves } from "../Curves.tsx";
import { withGaps, type Trend } from "../trend.ts";
import { duration, number, whole } from "../words.ts";
import { Alarms, State, Twice, unknown } from "./BoardScreen.tsx";

const SPANS: [string, number][] = [
  ["1 hour", 3600],
  ["12 hours", 43_200],
  ["1 day", 86_400],
  ["1 week", 604_800],
  ["1 year", 31_536_000],
];

export function BedScreen({ gateway, pump, board }: { gateway: string; pump: string; board: Board | null }) {
  const [span, setSpan] = useState(3600);
  const bed = board?.beds.find((each) => each.gateway === gateway && each.pump === pump);
  const query = useMemo(() => {
    const end = Date.now();
    return { gateway, pump, from: new Date(end - span * 1000).toISOString(), to: new Date(end).toISOString() };
  }, [gateway, pump, span, Math.floor((board?.now ? Date.parse(board.now) : 0) / 60_000)]);
  const shown = useMemo<[number, number]>(() => [Date.parse(query.from) / 1000, Date.parse(query.to) / 1000], [query]);
  const { answer: points, problem } = useAsked<Trend>("/api/trend", query);
  const answer = useMemo(() => points && withGaps(points), [points]);
  return (
    <>
      <p>
        <a href="#/">All beds</a>
      </p>
      <h1>
        {gateway} <span class="muted">{pump}</span>
      </h1>
      {bed ? (
        <>
          <p>
            <State bed={bed} /> {bed.simulated && <span class="simulated">SIMULATED</span>}
          </p>
          {bed.silent && <p class="silent-note">The gateway is silent: its state is not known. Go to the pump.</p>}
          {bed.twice && <Twice />}
          <Alarms alarms={bed.alarms} />
          <dl class={`digits values${bed.old || unknown(bed) ? " old" : ""}`}>
            {(
              [
                ["Rate", number(bed.rate_ml_h, "mL/h")],
                ["Given", number(bed.volume_infused_ml, "mL", 2)],
                ["Left", number(bed.volume_remaining_ml, "mL", 2)],
                ["Left, about", duration(bed.remaining_s)],
                ["Pressure", number(bed.pressure_mmhg, "mmHg", 0)],
                ["Battery", number(bed.battery_percent, "%", 0)],
              ] as const
            ).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <p class={`digits ${bed.old ? "bad" : "muted"}`}>
            {bed.age_s === null ? "No reading yet" : `Reading ${duration(bed.age_s)} old`}
          </p>
        </>
      ) : (
        <p>{board ? "This pump has not reported." : "Waiting for the first board …"}</p>
      )}
      <fieldset class="choices">
        <legend>Trend of the last</legend>
        {SPANS.map(([name, seconds]) => (
          <label key={name}>
            <input type="radio" name="span" checked={span === seconds} onChange={() => setSpan(seconds)} /> {name}
          </label>
        ))}
      </fieldset>
      {problem && <p class="bad">{problem}</p>}
      {answer && answer.at.length === 0 && <p>Nothing was recorded in this time.</p>}
      {answer && answer.at.length > 0 && (
        <>
          <p class="muted">Each point is {whole(answer.step_s)}.</p>
          <Curves
            label={`Rate in mL/h over time, highest ${number(most(answer.rate_max), "mL/h")}`}
            data={[answer.at, answer.rate, answer.rate_max]}
            span={shown}
            series={[
              { label: "Rate, mean, mL/h", colour: "--accent" },
              { label: "Rate, highest, mL/h", colour: "--muted", dash: [6, 5] },
            ]}
          />
          <Curves
            label={`Volume given in mL over time, highest ${number(most(answer.infused_ml), "mL", 2)}`}
            data={[answer.at, answer.infused_ml]}
            span={shown}
            series={[{ label: "Given, mL", colour: "--accent" }]}
          />
          {answer.pressure_max.some((each) => each !== null) && (
            <Curves
              label={`Pressure in mmHg over time, highest ${number(most(answer.pressure_max), "mmHg", 0)}`}
              data={[answer.at, answer.pressure_max]}
              span={shown}
              series={[{ label: "Pressure, highest, mmHg", colour: "--window" }]}
            />
          )}
        </>
      )}
    </>
  );
}

const most = (values: (number | null)[]) => Math.max(0, ...values.map((each) => each ?? 0));
