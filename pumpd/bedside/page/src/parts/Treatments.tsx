// What the patient was given, the newest first, and what was not.

import type { Live } from "../state/types.ts";
import type { PatientHistory, Treatment } from "../state/treatments.ts";
import { day, decimal, wallClock } from "../words/numbers.ts";

/** `folded`: only a line that opens, for the order form. */
export function Treatments({ live, history, folded }: { live: Live; history: PatientHistory; folded?: boolean }) {
  const { treatments, patient } = history;
  if (!folded)
    return treatments.length ? <Table live={live} treatments={treatments} /> : <p>No treatment is on record.</p>;
  return (
    <details class="folded">
      <summary>
        {treatments.length
          ? `Treatments of ${patient}: ${treatments.length}, the last ${day(treatments[0]!.started_ts, live.utc_offset_min)}`
          : `No treatment of ${patient} is on record`}
      </summary>
      <Table live={live} treatments={treatments} />
    </details>
  );
}

function Table({ live, treatments }: { live: Live; treatments: Treatment[] }) {
  return (
    <div class="wide-table" tabIndex={0} role="region" aria-label="Treatments of the patient">
      <table>
        <caption class="unseen">Treatments, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col">Given of prescribed, mg</th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          {treatments.map((each) => (
            <tr key={each.treatment}>
              <th scope="row">
                {day(each.started_ts, live.utc_offset_min)}
                <small>
                  {wallClock(each.started_ts, live.utc_offset_min)} to{" "}
                  {each.ended_ts && !each.running ? wallClock(each.ended_ts, live.utc_offset_min) : "now"}
                </small>
                <small>{each.drug}</small>
              </th>
              <td class="digits">
                {decimal(each.given_mg)} of {decimal(each.prescribed_mg)} ({each.share_percent} %)
              </td>
              <td>{notes(each).join(", ")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function notes(of: Treatment): string[] {
  return [
    ...(of.course ? [`course ${of.course}`] : []),
    ...(of.running ? ["under way"] : []),
    ...(of.uncertain ? ["uncertain"] : []),
    ...(of.suspect ? ["its date is in the future"] : []),
    ...(of.deliveries.length > 1 ? [`${of.deliveries.length} deliveries`] : []),
    ...(of.takes_place ? [] : ["takes no place in the course"]),
    ...(of.rest && !of.rest.reasons.length ? ["the rest can still be given"] : []),
  ];
}
