// Journal entries by time and gateway.

import { useState } from "preact/hooks";
import { useAsked } from "../asking.ts";
import { useSpan } from "../Span.tsx";
import { count, timeOf } from "../words.ts";

interface Entry {
  gateway: string;
  boot: string;
  seq: number;
  ts: string;
  pump: string;
  session: string;
  kind: string;
  body: Record<string, unknown>;
  ahead_s: number | null;
}

export function SearchScreen() {
  const [span, fields] = useSpan();
  const [kind, setKind] = useState("");
  const { answer, problem } = useAsked<{ entries: Entry[]; more: boolean }>("/api/entries", {
    ...span,
    kind: kind.trim(),
  });
  return (
    <>
      <h1>Search</h1>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        {fields}
        <label>
          Kind (empty: all)
          <input
            defaultValue={kind}
            onChange={(event) => setKind(event.currentTarget.value)}
            placeholder="state_changed"
            spellcheck={false}
          />
        </label>
      </form>
      {problem && (
        <p role="alert" class="bad">
          {problem}
        </p>
      )}
      {answer && (
        <>
          <p>
            {answer.entries.length === 0
              ? "Nothing in this time."
              : `${count(answer.entries.length, "entry", "entries")}, the newest first. Readings are in a bed's trend.`}
            {answer.more && " There are more: choose a shorter time."}
          </p>
          <div class="wide" tabIndex={0} role="region" aria-label="Entries">
            <table class="digits">
              <thead>
                <tr>
                  {["Time", "Gateway", "Pump", "Number", "Kind", "Content"].map((each) => (
                    <th key={each} scope="col">
                      {each}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {answer.entries.map((each) => (
                  <tr key={`${each.gateway}/${each.boot}/${each.seq}`}>
                    <td class="tight">{timeOf(each.ts, each.ahead_s)}</td>
                    <td class="tight">{each.gateway}</td>
                    <td class="tight">{each.pump}</td>
                    <td>{each.seq}</td>
                    <td>{each.kind}</td>
                    <td>{shown(each.body)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </>
  );
}

const shown = (body: Record<string, unknown>) =>
  Object.entries(body)
    .map(([name, value]) => `${name.replaceAll("_", " ")}: ${String(value)}`)
    .join(" · ");
