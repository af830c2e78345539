// An infusion that is starting, running or stopping.

import { useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { Plot } from "../parts/Plot.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { uncertain, Reconcile } from "../parts/Reconcile.tsx";
import { isLaterDelivery, RestOf } from "../parts/RestOf.tsx";
import { Ring } from "../parts/Ring.tsx";
import { Trend } from "../parts/Trend.tsx";
import { VitalSigns } from "../parts/VitalSigns.tsx";
import { givenBefore } from "../state/curves.ts";
import { freshness, readingAge } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import { act } from "../wire/connection.ts";
import { added, clock, drawn, decimal, NONE, wallClock } from "../words/numbers.ts";
import { placeInCourse, STATE } from "../words/terms.ts";

export function Running(props: InfusionProps) {
  const { page, live, pump, infusion } = props;
  const at = useNow(500);
  const fresh = freshness(pump, page, at);
  const points = page.tracks[infusion.session] ?? [];
  const later = isLaterDelivery(infusion);
  const stopping = infusion.state === "stopping";
  const left = `${clock(infusion.remaining_s)} min left`;
  const given = `${decimal(infusion.delivered_ml, 1)} of ${decimal(infusion.prescribed_ml)} mL given`;
  return (
    <section class={`running data-${fresh}`} aria-label="Running infusion" data-freshness={fresh}>
      <div class="running-ring">
        <Ring
          volume={drawn(infusion.delivered_ml) / drawn(infusion.prescribed_ml)}
          window={infusion.running_s / infusion.window_most_s}
          least={infusion.window_least_s / infusion.window_most_s}
          label={`${STATE[infusion.state]}. ${given}, ${left}.`}
        >
          <span class="ring-state">{STATE[infusion.state]}</span>
          {stopping ? (
            <>
              <b class="ring-left digits value">{decimal(infusion.delivered_ml, 1)}</b>
              <span class="ring-unit">mL given</span>
            </>
          ) : (
            <>
              <b class="ring-left digits value" data-testid="remaining">
                {clock(infusion.remaining_s)}
              </b>
              <span class="ring-unit">min left</span>
            </>
          )}
          {pump.ends_ts && infusion.may_flow && !stopping && (
            <span class="ring-end">
              ends about <b class="digits value">{wallClock(pump.ends_ts, live.utc_offset_min)}</b>
            </span>
          )}
        </Ring>
        <p class="drug">
          <b>{infusion.review.drug}</b> {decimal(infusion.review.concentration_mg_ml)} mg/mL · patient{" "}
          {infusion.review.patient}
          {pump.course && ` · ${placeInCourse(pump.course)}`}
        </p>
        <RestOf {...props} />
      </div>
      <div class="running-facts">
        <Facts dense={later || !!pump.vitals}>
          <Fact label={later ? "Given in this delivery" : "Given"} name="given">
            <Volume mg={infusion.delivered_mg} ml={infusion.delivered_ml} />
          </Fact>
          {later && (
            <Fact
              label="Given of the treatment"
              name="given-in-all"
              note={`of ${decimal(infusion.treatment_mg)} mg, ${decimal(infusion.treatment_ml)} mL`}
            >
              <Volume
                mg={added(infusion.earlier_mg, infusion.delivered_mg) ?? undefined}
                ml={added(infusion.earlier_ml, infusion.delivered_ml) ?? NONE}
              />
            </Fact>
          )}
          <Fact label="Still to give" name="remaining-volume">
            <Volume mg={infusion.remaining_mg} ml={infusion.remaining_ml} />
          </Fact>
          <Fact label="Rate" name="rate" note={`programmed ${decimal(infusion.programmed_rate_ml_h)} mL/h`}>
            <span class="value">
              <Amount of={decimal(infusion.rate_ml_h)} unit="mL/h" />
            </span>
          </Fact>
          <Fact label="Pressure" name="pressure">
            {pump.pressure_mmhg === null || pump.pressure_mmhg === undefined ? (
              <small>not reported by this pump</small>
            ) : (
              <>
                <span class="value">
                  <Amount of={decimal(pump.pressure_mmhg)} unit="mmHg" />
                </span>
                <Trend points={points} label="Pressure over the last 10 minutes" />
              </>
            )}
          </Fact>
          <Fact
            label="Window"
            name="window"
            note={`of ${clock(infusion.window_most_s)} min; with pauses ${clock(infusion.elapsed_s)} of ${clock(infusion.window_elapsed_s)}`}
          >
            <span class="value">
              <Amount of={clock(infusion.running_s)} unit="min" />
            </span>
          </Fact>
          <Age {...props} at={at} />
        </Facts>
        <VitalSigns page={page} live={live} pump={pump} />
        {infusion.state === "running" && <Pause {...props} />}
        {uncertain(pump) && <Reconcile page={page} live={live} pump={pump} />}
        <Plot steps={pump.flow_profile ?? infusion.review.steps} points={points} before={givenBefore(infusion)} />
        <Plasma band={page.bands[infusion.digest]} track={page.estimates[infusion.session]} now={pump.plasma} />
      </div>
    </section>
  );
}

function Volume({ mg, ml }: { mg: string | undefined; ml: string }) {
  return (
    <span class="value two">
      {mg !== undefined && <Amount of={decimal(mg, 1)} unit="mg" />}
      <Amount of={decimal(ml, 1)} unit="mL" />
    </span>
  );
}

function Age({ page, pump, infusion, at }: InfusionProps & { at: number }) {
  const fresh = freshness(pump, page, at);
  const age = readingAge(pump, page, at);
  const lease = infusion.lease_s;
  const links = Object.entries(pump.links ?? {}).filter(([, state]) => state !== "ok");
  return (
    <Fact
      label="Pump read"
      name="age"
      note={
        <>
          {fresh !== "fresh"
            ? "its present state is unknown"
            : lease === null
              ? "no permission to flow"
              : `permission for another ${Math.floor(lease)} s`}
          {links.length > 0 && (
            <>
              {" · "}
              <b class="bad">{links.map(([name, state]) => `${name} link ${state}`).join(", ")}</b>
            </>
          )}
          {links.length === 0 && fresh === "fresh" && " · link ok"}
          {pump.battery_percent !== null &&
            pump.battery_percent !== undefined &&
            ` · battery ${pump.battery_percent} %`}
        </>
      }
    >
      <Amount of={age === null ? NONE : String(Math.floor(age))} unit="s ago" />
    </Fact>
  );
}

const REASONS = ["Patient asks for a break", "Check the line", "Vital signs", "Procedure or transport"];

function Pause({ page, live, pump }: InfusionProps) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const budget = pump.pause;
  if (!live.person)
    return (
      <div class="acts">
        <NeedsSignIn pump={pump.pump} what="pause" />
      </div>
    );
  if (!may(page, "confirm")) return null;
  const pause = async (reason: string) => {
    setBusy(true);
    const answer = await act("pause", { pump: pump.pump, reason });
    setBusy(false);
    setReasons(answer.reasons);
    if (answer.ok) setOpen(false);
  };
  return (
    <div class="acts">
      {!open && (
        <button type="button" class="wide-button" aria-expanded={false} onClick={() => setOpen(true)}>
          Pause
        </button>
      )}
      {open && (
        <div class="pause-choice" role="group" aria-label="Reason for the pause">
          <p>
            Why?{" "}
            {budget && (
              <span class="muted">
                {budget.most - budget.used} of {budget.most} pauses left, {clock(budget.total_left_s)} min in total.
              </span>
            )}
          </p>
          {REASONS.map((reason) => (
            <button type="button" key={reason} disabled={busy} onClick={() => void pause(reason)}>
              {reason}
            </button>
          ))}
          <button type="button" class="quiet" onClick={() => setOpen(false)}>
            Cancel
          </button>
        </div>
      )}
      <Reasons reasons={reasons} title="Not paused" />
    </div>
  );
}
