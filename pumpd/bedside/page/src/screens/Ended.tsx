// After the infusion: what was given, the observation, the course.

import { useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { Association } from "../parts/Association.tsx";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { GiveRest } from "../parts/GiveRest.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { ObservationPart } from "../parts/Observation.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { isLaterDelivery } from "../parts/RestOf.tsx";
import { bedAddress } from "../state/route.ts";
import type { CoursePlace, Infusion, Summary } from "../state/types.ts";
import { added, clock, decimal, NONE, wallClock } from "../words/numbers.ts";
import { forPeople, nameOf, placeInCourse, sentence, STATE } from "../words/terms.ts";
import { reason } from "../words/reasons.ts";

const TITLE: Partial<Record<Infusion["state"], string>> = {
  completed: "Complete: the whole volume was given",
  stopped: "Stopped before the whole volume was given",
  abandoned: "Not started: nothing was given",
};

export function Ended(props: InfusionProps) {
  const { page, live, pump, infusion } = props;
  const [again, setAgain] = useState(false);
  const summary = pump.summary ?? {};
  const observation = pump.observations?.find((each) => each.session === infusion.session);
  return (
    <section class="ended">
      <div>
        <h2>{TITLE[infusion.state] ?? STATE[infusion.state]}</h2>
        {infusion.state !== "completed" && <p>{sentence(forPeople(infusion.reason))}</p>}
        <SummaryFacts summary={summary} infusion={infusion} offset={live.utc_offset_min} />
        {summary.deviations?.map((deviation) => (
          <p class="note" key={deviation}>
            {sentence(reason(deviation))}
          </p>
        ))}
        {infusion.state === "abandoned" && expired(infusion) && (
          <p class="note">
            An order is valid for a limited time, so that nobody starts yesterday’s decision. Examine the patient, then
            order again.
          </p>
        )}
        <GiveRest page={page} live={live} pump={pump} />
        {pump.course && <CourseBar course={pump.course} />}
        <Plasma
          band={page.bands[infusion.digest]}
          track={page.estimates[infusion.session]}
          now={pump.plasma}
          peak={summary.plasma}
        />
        {live.person && (may(page, "prescribe") || may(page, "confirm")) && (
          <a class="button" href={bedAddress(pump.pump, "course")}>
            Treatments and course
          </a>
        )}
        {!observation &&
          (live.person ? (
            may(page, "prescribe") && (
              <a class="button" href={bedAddress(pump.pump, "order")}>
                Order the next infusion
              </a>
            )
          ) : (
            <NeedsSignIn pump={pump.pump} what="order an infusion" />
          ))}
        <Association page={page} pump={pump} />
      </div>
      {observation && (
        <div>
          <ObservationPart {...props} observation={observation} />
          {!again && (
            <button type="button" class="quiet" onClick={() => setAgain(true)}>
              Order the next infusion
            </button>
          )}
          {again && live.person && may(page, "prescribe") && (
            <p>
              The observation has not ended. <a href={bedAddress(pump.pump, "order")}>Order anyway</a>
            </p>
          )}
          {again && !live.person && <NeedsSignIn pump={pump.pump} what="order an infusion" />}
        </div>
      )}
    </section>
  );
}

function SummaryFacts({
  summary,
  infusion,
  offset,
}: {
  summary: Summary;
  infusion: Infusion;
  offset: number | undefined;
}) {
  const mg = summary.delivered_mg ?? infusion.delivered_mg;
  const later = isLaterDelivery(infusion);
  const missing = summary.undelivered_ml ?? infusion.remaining_ml;
  return (
    <Facts>
      <Fact
        label={later ? "Given in this delivery" : "Given"}
        name="summary-given"
        {...(mg ? { note: `${decimal(summary.delivered_ml ?? infusion.delivered_ml, 2)} mL` } : {})}
      >
        {mg ? (
          <Amount of={decimal(mg, 2)} unit="mg" />
        ) : (
          <Amount of={decimal(summary.delivered_ml ?? infusion.delivered_ml, 2)} unit="mL" />
        )}
      </Fact>
      {later && (
        <Fact
          label="Given of the treatment"
          name="summary-in-all"
          note={`of ${decimal(infusion.treatment_mg)} mg, ${decimal(infusion.treatment_ml)} mL`}
        >
          <Amount of={decimal(added(infusion.earlier_mg, mg) ?? NONE, 2)} unit="mg" />
        </Fact>
      )}
      <Fact label="Not given" name="summary-undelivered">
        <Amount of={decimal(missing, 2)} unit="mL" />
      </Fact>
      <Fact label="Ordered">
        <Amount of={decimal(infusion.prescribed_ml)} unit="mL" />
      </Fact>
      <Fact label="Infusion time">
        <Amount of={clock(summary.running_s ?? infusion.running_s)} unit="min" />
      </Fact>
      <Fact
        label="With pauses"
        note={`${summary.pauses ?? infusion.pauses} ${(summary.pauses ?? infusion.pauses) === 1 ? "pause" : "pauses"}`}
      >
        <Amount of={clock(summary.elapsed_s ?? infusion.elapsed_s)} unit="min" />
      </Fact>
      {summary.started_ts && (
        <Fact label="From" note={<span class="digits">to {wallClock(summary.ended_ts, offset)}</span>}>
          <span class="digits">{wallClock(summary.started_ts, offset)}</span>
        </Fact>
      )}
      {summary.confirmed_by && (
        <Fact label="Started by" {...(summary.second ? { note: `checked by ${nameOf(summary.second)}` } : {})}>
          {nameOf(summary.confirmed_by)}
        </Fact>
      )}
    </Facts>
  );
}

/** The order was too old to start. */
const expired = ({ reason }: Infusion): boolean => /\bexpired\b/i.test(reason);

function CourseBar({ course }: { course: CoursePlace }) {
  const { number, of } = course;
  const place = sentence(placeInCourse(course)).replace(/\.$/, "");
  return (
    <div class="course">
      <p>{place}</p>
      {of !== null && (
        <div class="course-dots" role="img" aria-label={place}>
          {Array.from({ length: Math.min(of, 24) }, (_, at) => (
            <i key={at} class={at < number ? "on" : ""} />
          ))}
        </div>
      )}
    </div>
  );
}
