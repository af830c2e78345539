// One course: its dates, what is due next, and after its last infusion how it worked.

import type { BedProps } from "./props.ts";
import { Assess, responseInWords } from "./Assess.tsx";
import { may } from "./NeedsSignIn.tsx";
import { assessable, type CourseRecord } from "../state/treatments.ts";
import { calendarDay, day, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { placeInCourse, sentence } from "../words/terms.ts";
import { COURSE } from "../words/texts/course.ts";

const DATE = {
  given: ["●", COURSE.date_given],
  planned: ["○", COURSE.date_planned],
  missed: ["✕", COURSE.date_missed],
} as const;

interface Props extends BedProps {
  patient: string;
  course: CourseRecord;
  onChanged: () => void;
}

export function CourseCard({ page, live, patient, course, onChanged }: Props) {
  const { next, assessment } = course;
  const offset = live.utc_offset_min;
  const title = say(COURSE.course, { number: course.number });
  return (
    <section class="course card" aria-label={title}>
      <h2>
        {title} <small class="muted">{course.course}</small>
      </h2>
      <p>
        {say(course.maintenance > 0 ? COURSE.given_maintenance : COURSE.given, {
          given: course.given,
          all: course.infusions,
          more: course.maintenance,
        })}
      </p>
      {course.dates.length > 0 && (
        <ol class="course-dates" aria-label={say(COURSE.dates)}>
          {course.dates.map(({ number, date, state }) => (
            <li key={`${number} ${date}`} class={`date-${state}`}>
              <b class="digits">{number}</b>
              <span>{calendarDay(date)}</span>
              <span>
                <span aria-hidden="true">{DATE[state][0]}</span> {say(DATE[state][1])}
              </span>
            </li>
          ))}
        </ol>
      )}
      {next && (
        <p data-testid="next-due">
          <b>{sentence(say(COURSE.next, { position: placeInCourse(next.place) })).replace(/\.$/, "")}</b>
          {next.planned_date && say(COURSE.planned_for, { day: calendarDay(next.planned_date) })}
          {next.earliest_ts &&
            say(COURSE.not_before, {
              day: day(next.earliest_ts, offset),
              time: wallClock(next.earliest_ts, offset),
            })}
          .
        </p>
      )}
      {assessment && (
        <p>
          {say(COURSE.response_is, { response: responseInWords(assessment.response) })}
          {assessment.scale &&
            assessment.total !== null &&
            say(COURSE.total_is, { scale: assessment.scale, total: assessment.total })}{" "}
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
