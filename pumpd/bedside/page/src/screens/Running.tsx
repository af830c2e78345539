// An infusion that is starting, running or stopping.

import type { InfusionProps } from "../parts/props.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { PauseAct } from "../parts/Pause.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { Plot } from "../parts/Plot.tsx";
import { uncertain, Reconcile } from "../parts/Reconcile.tsx";
import { isLaterDelivery, RestOf } from "../parts/RestOf.tsx";
import { Ring } from "../parts/Ring.tsx";
import { SharesTable } from "../parts/Shares.tsx";
import { Trend } from "../parts/Trend.tsx";
import { VitalSigns } from "../parts/VitalSigns.tsx";
import { givenBefore } from "../state/curves.ts";
import { freshness, readingAge } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { InfusionState } from "../state/types.ts";
import { added, clock, drawn, decimal, NONE, wallClock } from "../words/numbers.ts";
import { say, type Text } from "../words/say.ts";
import { nameOf, placeInCourse } from "../words/terms.ts";
import { RUN } from "../words/texts/run.ts";

const FLOW: Partial<Record<InfusionState, Text>> = {
  armed: RUN.starting,
  starting: RUN.starting,
  completing: RUN.finishing,
  stopping: RUN.stopping,
};

export function Running(props: InfusionProps) {
  const { page, live, pump, infusion } = props;
  const at = useNow(500);
  const fresh = freshness(pump, page, at);
  const points = page.tracks[infusion.session] ?? [];
  const later = isLaterDelivery(infusion);
  const stopping = infusion.state === "stopping";
  const state = say(FLOW[infusion.state] ?? RUN.running);
  const nearEnd = (pump.alarms ?? []).some((alarm) => alarm?.code === "near_end");
  return (
    <section class={`running data-${fresh}`} aria-label={say(RUN.section)} data-freshness={fresh}>
      <div class="running-ring">
        <Ring
          volume={drawn(infusion.delivered_ml) / drawn(infusion.prescribed_ml)}
          window={infusion.running_s / infusion.window_most_s}
          least={infusion.window_least_s / infusion.window_most_s}
          label={say(RUN.ring, {
            state,
            given: decimal(infusion.delivered_ml, 1),
            ordered: decimal(infusion.prescribed_ml),
            left: clock(infusion.remaining_s),
          })}
        >
          <span class="ring-state">{state}</span>
          {stopping ? (
            <>
              <b class="ring-left digits value">{decimal(infusion.delivered_ml, 1)}</b>
              <span class="ring-unit">{say(RUN.ml_given)}</span>
            </>
          ) : (
            <>
              <b class="ring-left digits value" data-testid="remaining">
                {clock(infusion.remaining_s)}
              </b>
              <span class="ring-unit">{say(RUN.min_left)}</span>
            </>
          )}
          {nearEnd ? (
            <b class="ring-end ring-soon" data-testid="near-end">
              {say(RUN.ends_soon)}
            </b>
          ) : (
            pump.ends_ts &&
            infusion.may_flow &&
            !stopping && (
              <span class="ring-end">
                {say(RUN.ends_about)} <b class="digits value">{wallClock(pump.ends_ts, live.utc_offset_min)}</b>
              </span>
            )
          )}
        </Ring>
        <p class="drug">
          <b>{infusion.review.drug}</b> {decimal(infusion.review.concentration_mg_ml)} mg/mL ·{" "}
          {say(RUN.patient, { patient: infusion.review.patient })}
          {pump.course && ` · ${placeInCourse(pump.course)}`}
        </p>
        <RestOf {...props} />
      </div>
      <div class="running-facts">
        <SharesTable of={infusion} {...(later ? { label: say(RUN.this_delivery) } : {})} />
        <Facts dense>
          {later && <InAll {...props} />}
          <Fact
            label={say(RUN.rate)}
            name="rate"
            note={say(RUN.rate_ordered, { rate: decimal(infusion.programmed_rate_ml_h) })}
          >
            <span class="value two">
              <Amount of={decimal(infusion.rate_ml_h)} unit="mL/h" />
              {infusion.dose_rate_mg_h !== undefined && <Amount of={decimal(infusion.dose_rate_mg_h, 2)} unit="mg/h" />}
            </span>
          </Fact>
          <Fact label={say(RUN.time)} name="window" note={say(RUN.time_most, { most: clock(infusion.window_most_s) })}>
            <span class="value">
              <Amount of={clock(infusion.running_s)} unit="min" />
            </span>
          </Fact>
          {infusion.started_ts && (
            <Fact
              label={say(RUN.started)}
              name="started"
              {...(infusion.confirmed_by ? { note: say(RUN.started_by, { who: nameOf(infusion.confirmed_by) }) } : {})}
            >
              <span class="digits">{wallClock(infusion.started_ts, live.utc_offset_min)}</span>
            </Fact>
          )}
          <Fact label={say(RUN.pressure)} name="pressure">
            {pump.pressure_mmhg === null || pump.pressure_mmhg === undefined ? (
              <small>{say(RUN.no_pressure)}</small>
            ) : (
              <>
                <span class="value">
                  <Amount of={decimal(pump.pressure_mmhg)} unit="mmHg" />
                </span>
                <Trend points={points} label={say(RUN.pressure_trend)} />
              </>
            )}
          </Fact>
          {pump.battery_percent !== null && pump.battery_percent !== undefined && (
            <Fact label={say(RUN.battery)} name="battery">
              <span class="value">
                <Amount of={decimal(pump.battery_percent)} unit="%" />
              </span>
            </Fact>
          )}
          <Age {...props} at={at} />
        </Facts>
        <VitalSigns page={page} live={live} pump={pump} />
        {(infusion.state === "running" || infusion.state === "starting") && <PauseAct {...props} />}
        {uncertain(pump) && <Reconcile page={page} live={live} pump={pump} />}
        <Plot steps={pump.flow_profile ?? infusion.review.steps} points={points} before={givenBefore(infusion)} />
        <Plasma band={page.bands[infusion.digest]} track={page.estimates[infusion.session]} now={pump.plasma} />
      </div>
    </section>
  );
}

/** Of a treatment that takes several deliveries. */
function InAll({ infusion }: InfusionProps) {
  const mg = added(infusion.earlier_mg, infusion.delivered_mg);
  return (
    <Fact
      label={say(RUN.in_all)}
      name="given-in-all"
      note={say(RUN.of_in_all, { mg: decimal(infusion.treatment_mg), ml: decimal(infusion.treatment_ml) })}
    >
      <span class="value two">
        {mg !== null && <Amount of={decimal(mg, 1)} unit="mg" />}
        <Amount of={decimal(added(infusion.earlier_ml, infusion.delivered_ml) ?? NONE, 1)} unit="mL" />
      </span>
    </Fact>
  );
}

/** How old the pump's last answer is. While it is fresh, nothing else about the connection concerns a nurse. */
function Age({ page, pump, at }: InfusionProps & { at: number }) {
  const age = readingAge(pump, page, at);
  const lost = Object.values(pump.links ?? {}).some((state) => state !== "ok");
  return (
    <Fact
      label={say(RUN.answered)}
      name="age"
      note={
        lost ? (
          <b class="bad">{say(RUN.no_connection)}</b>
        ) : (
          // its room is kept: what is below stays where it is
          <span class={freshness(pump, page, at) === "fresh" ? "not-this" : ""}>{say(RUN.unknown_now)}</span>
        )
      }
    >
      <span class="amount digits">{age === null ? NONE : say(RUN.ago, { n: Math.floor(age) })}</span>
    </Fact>
  );
}
