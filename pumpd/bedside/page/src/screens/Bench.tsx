// The engineer's panel, for simulated pumps only: true and read values, faults, speed, and the bytes on the line.

import { useEffect, useState } from "preact/hooks";
import { Reasons } from "../parts/Reasons.tsx";
import type { Page } from "../state/page.ts";
import type { Live } from "../state/types.ts";
import { ask, type Answer } from "../wire/ask.ts";
import { decimal, NONE } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { BENCH } from "../words/texts/bench.ts";

type Value = string | number | boolean | null;

interface View {
  truth: Record<string, Value>;
  reading: Record<string, Value>;
  faults: { name: string; on: boolean; text?: string }[];
  speed: number;
  trace: { ts: string; direction: "in" | "out"; text: string }[];
}

const POLL_MS = 1000;
const SPEEDS = [1, 10, 60, 240];

export function Bench({ page, live, pump }: { page: Page; live: Live; pump: string | null }) {
  const simulated = live.pumps.filter((each) => each.simulated);
  const chosen = pump ?? simulated[0]?.pump ?? null;
  const [view, setView] = useState<View | null>(null);
  const [reasons, setReasons] = useState<string[]>([]);

  const take = (answer: Answer<View>) => {
    setReasons(answer.ok ? [] : answer.reasons);
    if (answer.ok) setView(answer.result as View);
  };
  useEffect(() => {
    setView(null);
    if (!chosen) return undefined;
    const poll = () => void ask<View>(`/api/bench/${encodeURIComponent(chosen)}`).then(take);
    poll();
    const timer = setInterval(poll, POLL_MS);
    return () => clearInterval(timer);
  }, [chosen]);

  if (!page.about?.bench || !chosen) return <p class="note">{say(BENCH.not_here)}</p>;
  const change = async (path: string, body: unknown) => {
    const answer = await ask(path, body);
    setReasons(answer.reasons);
  };
  const names = [...new Set([...Object.keys(view?.truth ?? {}), ...Object.keys(view?.reading ?? {})])];
  return (
    <section class="bench" aria-label={say(BENCH.bench)}>
      <nav class="tabs" aria-label={say(BENCH.pumps)}>
        {simulated.map((each) => (
          <a
            key={each.pump}
            href={`#bench/${encodeURIComponent(each.pump)}`}
            aria-current={each.pump === chosen ? "page" : undefined}
          >
            {each.pump}
          </a>
        ))}
      </nav>
      <Reasons reasons={reasons} title={say(BENCH.refused)} />
      {view && (
        <>
          <div class="bench-columns">
            <table>
              <caption>{say(BENCH.values)}</caption>
              <thead>
                <tr>
                  <td />
                  <th scope="col">{say(BENCH.truth)}</th>
                  <th scope="col">{say(BENCH.read)}</th>
                </tr>
              </thead>
              <tbody>
                {names.map((name) => (
                  <tr key={name}>
                    <th scope="row">{named(name)}</th>
                    <td class="digits">{shown(view.truth[name])}</td>
                    <td class="digits">{shown(view.reading[name])}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <div>
              <fieldset class="choice">
                <legend>{say(BENCH.speed)}</legend>
                <div class="options">
                  {SPEEDS.map((speed) => (
                    <button
                      type="button"
                      key={speed}
                      aria-pressed={view.speed === speed}
                      onClick={() => void change("/api/bench/speed", { speed })}
                    >
                      ×{speed}
                    </button>
                  ))}
                </div>
              </fieldset>
              <fieldset class="choice">
                <legend>{say(BENCH.faults)}</legend>
                <div class="options">
                  {view.faults.map((fault) => (
                    <button
                      type="button"
                      key={fault.name}
                      aria-pressed={fault.on}
                      title={fault.text ?? ""}
                      onClick={() =>
                        void change(`/api/bench/${encodeURIComponent(chosen)}/fault`, {
                          name: fault.name,
                          on: !fault.on,
                        })
                      }
                    >
                      {fault.on
                        ? say(BENCH.fault_on, { fault: fault.name.replaceAll("_", " ") })
                        : fault.name.replaceAll("_", " ")}
                    </button>
                  ))}
                </div>
              </fieldset>
            </div>
          </div>
          <h2>{say(BENCH.wire)}</h2>
          <ol class="trace" aria-label={say(BENCH.trace)} tabIndex={0}>
            {view.trace
              .slice(-100)
              .reverse()
              .map((packet, at) => (
                <li key={`${packet.ts}/${at}`}>
                  <time class="digits">{packet.ts.slice(11, 23)}</time> <b>{packet.direction === "out" ? "→" : "←"}</b>{" "}
                  <code>{packet.text}</code>
                </li>
              ))}
          </ol>
        </>
      )}
    </section>
  );
}

const UNITS: [RegExp, string][] = [
  [/_ml_h$/, ", mL/h"],
  [/_ml$/, ", mL"],
  [/_mmhg$/, ", mmHg"],
  [/_percent$/, ", %"],
  [/_s$/, ", s"],
];
const named = (name: string) => UNITS.reduce((text, [end, unit]) => text.replace(end, unit), name).replaceAll("_", " ");

function shown(value: Value | undefined): string {
  if (value === undefined || value === null) return NONE;
  if (typeof value === "boolean") return say(value ? BENCH.yes : BENCH.no);
  const number = decimal(value, 3);
  return number === NONE ? String(value) : number;
}
