// Which alarms there were, and the time until each was acknowledged.

import { useState } from "preact/hooks";
import { useAsked } from "../asking.ts";
import { useSpan } from "../Span.tsx";
import { count, duration, MARKS, timeOf } from "../words.ts";

interface Past {
  gateway: string;
  pump: string;
  code: string;
  priority: string;
  cause: string;
  raised_at: string;
  acknowledged_s: number | null;
  cleared_s: number | null;
  escalated_at: string | null;
  ahead_s: number | null;
}

interface Responses {
  alarms: number;
  acknowledged: number;
  median_s: number | null;
  ninety_percent_s: number | null;
}

interface Found {
  alarms: Past[];
  more: boolean;
  responses: Record<string, Responses>;
}

/** `exports`: whether this person may export. */
export function AlarmsScreen({ exports }: { exports: boolean }) {
  const [span, fields] = useSpan();
  const [priority, setPriority] = useState("");
  const { answer, problem } = useAsked<Found>("/api/alarms", { ...span, priority }, 10);
  const link = (what: string, kind: string) =>
    `/api/export/${what}.${kind}?${new URLSearchParams({ ...span }).toString()}`;
  return (
    <>
      <h1>Alarms</h1>
      <form class="choices" onSubmit={(event) => event.preventDefault()}>
        {fields}
        <label>
          Priority
          <select value={priority} onChange={(event) => setPriority(event.currentTarget.value)}>
            <option value="">all</option>
            <option value="high">high</option>
            <option value="medium">medium</option>
            <option value="low">low</option>
          </select>
        </label>
      </form>
      {problem && (
        <p role="alert" class="bad">
          {problem}
        </p>
      )}
      {answer && (
        <>
          <h2>Until someone acknowledged</h2>
          <div class="wide" tabIndex={0} role="region" aria-label="Response times">
            <table class="digits">
              <thead>
                <tr>
                  <th scope="col">Priority</th>
                  <th scope="col">Alarms</th>
                  <th scope="col">Acknowledged</th>
                  <th scope="col">Half of them within</th>
                  <th scope="col">Nine in ten within</th>
                </tr>
              </thead>
              <tbody>
                {["high", "medium", "low"].map((name) => {
                  const each = answer.responses[name];
                  return (
                    <tr key={name}>
                      <th scope="row">
                        {MARKS[name]} {name}
                      </th>
                      <td>{each?.alarms ?? 0}</td>
                      <td>{each?.acknowledged ?? 0}</td>
                      <td>{duration(each?.median_s)}</td>
                      <td>{duration(each?.ninety_percent_s)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
          <h2>History</h2>
          <p>
            {answer.alarms.length === 0
              ? "No alarm in this time."
              : `${count(answer.alarms.length, "alarm")}, the newest first.`}
            {answer.more && ` There are more: choose a shorter time${exports ? ", or export them" : ""}.`}
          </p>
          {exports && (
            <p class="links">
              Export: <a href={link("alarms", "csv")}>alarms as CSV</a>,{" "}
              <a href={link("alarms", "parquet")}>as Parquet</a>;{" "}
              <a href={link("infusions", "csv")}>infusions as CSV</a>,{" "}
              <a href={link("infusions", "parquet")}>as Parquet</a>
            </p>
          )}
          <div class="wide" tabIndex={0} role="region" aria-label="Alarm history">
            <table class="digits">
              <thead>
                <tr>
                  <th scope="col">Raised</th>
                  <th scope="col">Bed</th>
                  <th scope="col">Priority</th>
                  <th scope="col">Cause</th>
                  <th scope="col">Acknowledged after</th>
                  <th scope="col">Cleared after</th>
                </tr>
              </thead>
              <tbody>
                {answer.alarms.map((each) => (
                  <tr key={`${each.gateway}/${each.pump}/${each.code}/${each.raised_at}`}>
                    <td class="tight">{timeOf(each.raised_at, each.ahead_s)}</td>
                    <td class="tight">
                      {each.gateway} {each.pump}
                    </td>
                    <td>
                      {MARKS[each.priority]} {each.priority}
                      {each.escalated_at && ", escalated"}
                    </td>
                    <td>{each.cause || each.code}</td>
                    <td>{duration(each.acknowledged_s)}</td>
                    <td>{each.cleared_s === null ? "still open" : duration(each.cleared_s)}</td>
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
