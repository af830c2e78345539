// What the patient was given, the newest first, and what was not.

import type { Live } from "../state/types.ts";
import type { PatientHistory, Treatment } from "../state/treatments.ts";
import { day, decimal, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { COURSE } from "../words/texts/course.ts";

/** `folded`: only a line that opens, for the order form. */
export function Treatments({ live, history, folded }: { live: Live; history: PatientHistory; folded?: boolean }) {
  const { treatments, patient } = history;
  if (!folded) return treatments.length ? <Table live={live} treatments={treatments} /> : <p>{say(COURSE.none)}</p>;
  return (
    <details class="folded">
      <summary>
        {treatments.length
          ? say(COURSE.folded, {
              patient,
              count: treatments.length,
              day: day(treatments[0]!.started_ts, live.utc_offset_min),
            })
          : say(COURSE.folded_none, { patient })}
      </summary>
      <Table live={live} treatments={treatments} />
    </details>
  );
}

function Table({ live, treatments }: { live: Live; treatments: Treatment[] }) {
  return (
    <div class="wide-table" tabIndex={0} role="region" aria-label={say(COURSE.of_patient)}>
      <table>
        <caption class="unseen">{say(COURSE.newest_first)}</caption>
        <thead>
          <tr>
            <th scope="col">{say(COURSE.day)}</th>
            <th scope="col">{say(COURSE.given_of)}</th>
            <th scope="col">{say(COURSE.note)}</th>
          </tr>
        </thead>
        <tbody>
          {treatments.map((each) => (
            <tr key={each.treatment}>
              <th scope="row">
                {day(each.started_ts, live.utc_offset_min)}
                <small>
                  {say(COURSE.from_to, {
                    from: wallClock(each.started_ts, live.utc_offset_min),
                    to:
                      each.ended_ts && !each.running ? wallClock(each.ended_ts, live.utc_offset_min) : say(COURSE.now),
                  })}
                </small>
                <small>{each.drug}</small>
              </th>
              <td class="digits">
                {say(COURSE.share, {
                  given: decimal(each.given_mg),
                  all: decimal(each.prescribed_mg),
                  share: each.share_percent,
                })}
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
    ...(of.course ? [say(COURSE.of_course, { course: of.course })] : []),
    ...(of.running ? [say(COURSE.under_way)] : []),
    ...(of.uncertain ? [say(COURSE.uncertain)] : []),
    ...(of.suspect ? [say(COURSE.future)] : []),
    ...(of.deliveries.length > 1 ? [say(COURSE.deliveries, { n: of.deliveries.length })] : []),
    ...(of.takes_place ? [] : [say(COURSE.no_place)]),
    ...(of.rest && !of.rest.reasons.length ? [say(COURSE.rest_possible)] : []),
  ];
}
