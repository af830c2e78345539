// After the infusion: what was given, the observation, the course.

import { useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { Association, Brought } from "../parts/Association.tsx";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { GiveRest } from "../parts/GiveRest.tsx";
import { may } from "../parts/NeedsSignIn.tsx";
import { ObservationPart } from "../parts/Observation.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { uncertain, Reconcile } from "../parts/Reconcile.tsx";
import { isLaterDelivery } from "../parts/RestOf.tsx";
import { SignInFirst } from "../parts/SignInFirst.tsx";
import { causeOf } from "../alarm/steps.ts";
import { bedAddress } from "../state/route.ts";
import type { CoursePlace, Infusion, Summary } from "../state/types.ts";
import { added, clock, decimal, NONE, wallClock } from "../words/numbers.ts";
import { reason } from "../words/reasons.ts";
import { say, type Text } from "../words/say.ts";
import { shares } from "../words/shares.ts";
import { forPeople, nameOf, placeInCourse, sentence } from "../words/terms.ts";
import { ENDED } from "../words/texts/ended.ts";
import { RUN } from "../words/texts/run.ts";

const TITLE: Partial<Record<Infusion["state"], Text>> = {
  completed: ENDED.completed,
  abandoned: ENDED.abandoned,
};

export function Ended(props: InfusionProps) {
  const { page, live, pump, infusion } = props;
  const [again, setAgain] = useState(false);
  const summary = pump.summary ?? {};
  const observation = pump.observations?.find((each) => each.session === infusion.session);
  return (
    <section class="ended">
      <div>
        <h2>{say(TITLE[infusion.state] ?? ENDED.stopped)}</h2>
        {infusion.state !== "completed" && <p>{sentence(forPeople(reason(infusion.reason)))}</p>}
        <GiveRest page={page} live={live} pump={pump} />
        {uncertain(pump) && <Reconcile page={page} live={live} pump={pump} />}
        <SummaryFacts summary={summary} infusion={infusion} offset={live.utc_offset_min} />
        {summary.deviations?.map((deviation) => (
          <p class="note" key={deviation}>
            {say(ENDED.deviation, { cause: say(causeOf(deviation)) })}
          </p>
        ))}
        {infusion.state === "abandoned" && expired(infusion) && <p class="note">{say(ENDED.expired)}</p>}
        {pump.course && <CourseBar course={pump.course} />}
        <Plasma
          band={page.bands[infusion.digest]}
          track={page.estimates[infusion.session]}
          now={pump.plasma}
          peak={summary.plasma}
        />
        {live.person && (may(page, "prescribe") || may(page, "confirm")) && (
          <a class="button" href={bedAddress(pump.pump, "course")}>
            {say(ENDED.treatments)}
          </a>
        )}
        <Brought page={page} pump={pump} />
        {!observation &&
          (live.person ? (
            may(page, "prescribe") && (
              <a class="button" href={bedAddress(pump.pump, "order")}>
                {say(ENDED.order_next)}
              </a>
            )
          ) : (
            <SignInFirst pump={pump.pump}>{say(RUN.sign_in_to_order)}</SignInFirst>
          ))}
        <Association page={page} pump={pump} />
      </div>
      {observation && (
        <div>
          <ObservationPart {...props} observation={observation} />
          {!again && (
            <button type="button" class="quiet" onClick={() => setAgain(true)}>
              {say(ENDED.order_next)}
            </button>
          )}
          {again && live.person && may(page, "prescribe") && (
            <p>
              {say(ENDED.observed)} <a href={bedAddress(pump.pump, "order")}>{say(ENDED.order_anyway)}</a>
            </p>
          )}
          {again && !live.person && <SignInFirst pump={pump.pump}>{say(RUN.sign_in_to_order)}</SignInFirst>}
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
  const volume = shares(summary.delivered_ml ?? infusion.delivered_ml, infusion.prescribed_ml, 2);
  const pauses = summary.pauses ?? infusion.pauses;
  return (
    <Facts>
      <Fact
        label={say(later ? ENDED.given_here : RUN.given)}
        name="summary-given"
        {...(mg ? { note: `${decimal(volume?.given)} mL` } : {})}
      >
        {mg ? <Amount of={decimal(mg, 2)} unit="mg" /> : <Amount of={decimal(volume?.given)} unit="mL" />}
      </Fact>
      {later && (
        <Fact
          label={say(RUN.in_all)}
          name="summary-in-all"
          note={say(RUN.of_in_all, { mg: decimal(infusion.treatment_mg), ml: decimal(infusion.treatment_ml) })}
        >
          <Amount of={decimal(added(infusion.earlier_mg, mg) ?? NONE, 2)} unit="mg" />
        </Fact>
      )}
      <Fact label={say(ENDED.not_given)} name="summary-undelivered">
        <Amount of={decimal(volume?.left)} unit="mL" />
      </Fact>
      <Fact label={say(RUN.ordered)}>
        <Amount of={decimal(infusion.prescribed_ml)} unit="mL" />
      </Fact>
      <Fact label={say(RUN.time)}>
        <Amount of={clock(summary.running_s ?? infusion.running_s)} unit="min" />
      </Fact>
      <Fact label={say(ENDED.with_pauses)} note={say(ENDED.pauses, { n: pauses })}>
        <Amount of={clock(summary.elapsed_s ?? infusion.elapsed_s)} unit="min" />
      </Fact>
      {summary.started_ts && (
        <Fact
          label={say(ENDED.from)}
          note={<span class="digits">{say(ENDED.to, { time: wallClock(summary.ended_ts, offset) })}</span>}
        >
          <span class="digits">{wallClock(summary.started_ts, offset)}</span>
        </Fact>
      )}
      {summary.confirmed_by && (
        <Fact
          label={say(ENDED.started_by)}
          {...(summary.second ? { note: say(ENDED.checked_by, { who: nameOf(summary.second) }) } : {})}
        >
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
