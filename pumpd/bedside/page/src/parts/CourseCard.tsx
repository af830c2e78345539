// One course: its dates, what is due next, and after its last infusion how it worked.

import type { BedProps } from "./props.ts";
import { Assess } from "./Assess.tsx";
import { may } from "./NeedsSignIn.tsx";
import { assessable, type CourseRecord } from "../state/treatments.ts";
import { calendarDay, day, wallClock } from "../words/numbers.ts";
import { sentence } from "../words/terms.ts";

const DATE = { given: ["●", "given"], planned: ["○", "planned"], missed: ["✕", "not given"] } as const;

interface Props extends BedProps {
  patient: string;
  course: CourseRecord;
  onChanged: () => void;
}

export function CourseCard({ page, live, patient, course, onChanged }: Props) {
  const { next, assessment } = course;
  const offset = live.utc_offset_min;
  const title = `Course ${course.number}`;
  return (
    <section class="course card" aria-label={title}>
      <h2>
        {title} <small class="muted">{course.course}</small>
      </h2>
      <p>
        <b class="digits">{course.given}</b> of <b class="digits">{course.infusions}</b> infusions given
        {course.maintenance > 0 && `, and ${course.maintenance} for maintenance`}.
      </p>
      {course.dates.length > 0 && (
        <ol class="course-dates" aria-label="Dates of the course">
          {course.dates.map(({ number, date, state }) => (
            <li key={`${number} ${date}`} class={`date-${state}`}>
              <b class="digits">{number}</b>
              <span>{calendarDay(date)}</span>
              <span>
                <span aria-hidden="true">{DATE[state]?.[0]}</span> {DATE[state]?.[1] ?? state}
              </span>
            </li>
          ))}
        </ol>
      )}
      {next && (
        <p data-testid="next-due">
          <b>{sentence(next.position).replace(/\.$/, "")} is next</b>
          {next.planned_date && <>, planned for {calendarDay(next.planned_date)}</>}
          {next.earliest_ts && (
            <>
              , not before {day(next.earliest_ts, offset)}{" "}
              <span class="digits">{wallClock(next.earliest_ts, offset)}</span>
            </>
          )}
          .
        </p>
      )}
      {assessment && (
        <p>
          Response: <b>{assessment.response}</b>
          {assessment.scale && assessment.total !== null && (
            <>
              , {assessment.scale} total <b class="digits">{assessment.total}</b>
            </>
          )}{" "}
          <small class="muted">
            {day(assessment.ts, offset)}, {assessment.by}
          </small>
        </p>
      )}
      {assessable(course) && may(page, "prescribe") && (
        <Assess patient={patient} course={course.course} onSaved={onChanged} />
      )}
    </section>
  );
}
