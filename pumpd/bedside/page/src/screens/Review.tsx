// Everything to check before a start, on one screen, as read back from the pump (STA-16); then the hold.
// The challenge is requested when the hold begins, and signed only if it matches what is on the screen.

import { useEffect, useRef, useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { Association } from "../parts/Association.tsx";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { FlowProfile } from "../parts/FlowProfile.tsx";
import { HoldButton } from "../parts/HoldButton.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { NotReady, startable } from "../parts/NotReady.tsx";
import { OrderAge } from "../parts/OrderAge.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { RestOf } from "../parts/RestOf.tsx";
import { useBand } from "../parts/band.ts";
import { Scan } from "../parts/Scan.tsx";
import { SecondPerson } from "../parts/SecondPerson.tsx";
import { SelfTest } from "../parts/SelfTest.tsx";
import { VitalSigns } from "../parts/VitalSigns.tsx";
import { gatewayNow } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Challenge, Review } from "../state/types.ts";
import type { Answer } from "../wire/ask.ts";
import { canonical } from "../wire/canonical.ts";
import { act, tabletKey } from "../wire/connection.ts";
import { confirm, mismatch, shownHash } from "../wire/requests.ts";
import { clock, decimal, NONE, wallClock } from "../words/numbers.ts";
import {
  BASIS,
  lossOfControlSentence,
  forPeople,
  inWords,
  isRest,
  libraryOf,
  rates,
  reasonOf,
  sentence,
  stepSeconds,
} from "../words/terms.ts";

const SCAN_LASTS_MS = 60_000; // as long as a challenge

interface Second {
  badge: string;
  pin: string;
}

export function ReviewScreen({ page, live, pump, infusion }: InfusionProps) {
  const at = useNow(1000);
  const { review } = infusion;
  const band = useBand(page, pump.pump, review.digest);
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [second, setSecond] = useState<Second | null>(null);
  const [wristband, setWristband] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setWristband(""), SCAN_LASTS_MS);
    return () => clearTimeout(timer);
  }, [wristband]);
  useEffect(() => setWristband(""), [live.person?.badge]); // the scan of another nurse does not count
  const asked = useRef<{ shown: Review; answer: Promise<Answer<Challenge>> } | null>(null);

  const wall = gatewayNow(page, at);
  const ends =
    wall === null
      ? null
      : wallClock(wall + (Number(review.duration_s) * 1000) / (live.time_scale ?? 1), live.utc_offset_min);
  const same = review.read_back !== null && canonical(review.read_back) === canonical(review.steps);
  const needsSecond = review.double_check === true && second === null;
  const checks = needsSecond && live.person !== null && may(page, "confirm");
  const label = infusion.action === "resume" ? "Hold to resume" : "Hold to start";

  const begin = () => {
    setReasons([]);
    asked.current = { shown: review, answer: act<Challenge>("challenge", { pump: pump.pump }) };
  };
  const held = async () => {
    const of = asked.current;
    const key = tabletKey();
    if (!of || !key) return;
    setBusy(true);
    const answer = await of.answer;
    const refusals = await signed(answer, of.shown, key);
    setBusy(false);
    setReasons(refusals);
    if (!refusals.length) return;
    setSecond(null);
    setWristband(""); // a new attempt needs a new scan
  };
  const signed = async (
    answer: Answer<Challenge>,
    shown: Review,
    key: NonNullable<ReturnType<typeof tabletKey>>,
  ): Promise<string[]> => {
    const challenge = answer.result as Challenge;
    if (!answer.ok || !challenge.binding) return answer.reasons;
    const differs = await mismatch(shown, challenge);
    if (differs) return [differs];
    const gateway = page.about?.gateway ?? "";
    const done = await confirm(key, gateway, pump.pump, challenge, await shownHash(shown), wristband, second);
    return done.ok ? [] : done.reasons;
  };

  return (
    <section class="review" aria-label="Review">
      <div class="review-facts">
        <p class="sentence" data-testid="sentence">
          {inWords(review, ends)}
        </p>
        <RestOf page={page} live={live} pump={pump} infusion={infusion} />
        <p class={same ? "read-back" : "reasons"} role="status">
          {same
            ? "Read back from the pump: exactly this program."
            : "The pump was not read back with this program. Do not start."}
        </p>
        {!infusion.reason.startsWith("read back") && <p class="note">{sentence(forPeople(infusion.reason))}</p>}
        {review.warnings.map((warning) => {
          const { field: limit, text } = reasonOf(warning);
          const why = review.overrides[limit];
          return (
            <p class="note" key={warning}>
              {sentence(text)}
              {why && <> Reason given: “{why}”</>}
            </p>
          );
        })}
        <Facts dense>
          <Fact
            label="Patient"
            note={pump.patient ? `patient of this pump: ${pump.patient}` : "this pump has no patient yet"}
          >
            {review.patient || NONE}
          </Fact>
          <Fact label="Drug">{review.drug}</Fact>
          <Fact label="Concentration">
            <Amount of={decimal(review.concentration_mg_ml)} unit="mg/mL" />
          </Fact>
          <Fact label="Dose per weight">
            <Amount of={decimal(review.dose_mg_kg)} unit="mg/kg" />
          </Fact>
          <Fact label="Weight" note={`${BASIS[review.weight_basis] ?? review.weight_basis} weight`}>
            <Amount of={decimal(review.weight_kg)} unit="kg" />
          </Fact>
          <Fact label="Dose" {...doseNote(review)}>
            <Amount of={decimal(review.dose_mg)} unit="mg" />
          </Fact>
          <Fact
            label="Volume"
            {...(isRest(review) ? { note: `${decimal(review.given_before_ml)} mL given before` } : {})}
          >
            <Amount of={decimal(review.vtbi_ml)} unit="mL" />
          </Fact>
          <Fact label="Rate">
            {review.steps.length === 1
              ? rates(review)
              : review.steps.map((step, each) => (
                  <span class="step" key={each}>
                    {decimal(step.rate_ml_h)} mL/h<small>for {clock(stepSeconds(step))} min</small>
                  </span>
                ))}
          </Fact>
          <Fact label="Duration">
            <Amount of={clock(review.duration_s)} unit="min" />
          </Fact>
          <Fact label="Container">{review.container}</Fact>
          <Fact
            label="Pump"
            note={
              <>
                {review.model}
                <br />
                serial {review.serial}
              </>
            }
          >
            {review.pump}
          </Fact>
          <Fact
            label="Ordered by"
            note={
              <>
                <OrderAge page={page} live={live} infusion={infusion} />
                <br />
                {libraryOf(review)}
              </>
            }
          >
            {review.ordered_by || NONE}
          </Fact>
          <Fact label="If the gateway fails" wide>
            {lossOfControlSentence(review.loss_of_control, pump.loss_of_control_text)}
          </Fact>
        </Facts>
        <VitalSigns page={page} live={live} pump={pump} start />
      </div>
      <div class="review-act">
        {!checks && <FlowProfile steps={review.steps} />}
        {!checks && review.simulated && <p class="simulated">SIMULATED PUMP</p>}
        <NotReady pump={pump} />
        <Reasons reasons={reasons} title="Not started" />
        {!live.person ? (
          <NeedsSignIn pump={pump.pump} what={infusion.action === "resume" ? "resume" : "start"} />
        ) : !may(page, "confirm") ? (
          <p class="note">To start, you and this tablet both need the role “confirm”.</p>
        ) : checks ? (
          <SecondPerson
            title="Independent double check"
            task="A second nurse compares this screen with the prescription, the container and the patient."
            who="Second nurse"
            first={live.person.badge}
            onDone={(badge, pin) => setSecond({ badge, pin })}
          />
        ) : (
          <>
            {second && (
              <p class="muted">
                Second nurse: badge {second.badge}{" "}
                <button type="button" class="quiet" onClick={() => setSecond(null)}>
                  Change
                </button>
              </p>
            )}
            {pump.patient === null ? (
              <Association page={page} pump={pump} waiting />
            ) : (
              <Scan
                label="Wristband of the patient"
                hint="Scan it. Order, pump and wristband must match."
                scanned={wristband}
                busy={busy}
                waiting={!wristband}
                onScan={(token) => {
                  setReasons([]);
                  setWristband(token);
                }}
              />
            )}
            <HoldButton
              key={canonical(review)}
              label={label}
              disabled={!same || !wristband || !startable(pump)}
              busy={busy}
              onBegin={begin}
              onHeld={() => void held()}
            />
            <p class="muted">
              If something is wrong, press Stop. Nothing has flowed from this program, and it will not start.
            </p>
          </>
        )}
      </div>
      <div class="review-more">
        <Plasma band={band} now={pump.plasma} />
        <SelfTest live={live} pump={pump} />
      </div>
    </section>
  );
}

/** Whether the dose is all that was prescribed. */
function doseNote(review: Review): { note?: string } {
  if (review.first_dose_mg) return { note: `of ${decimal(review.first_dose_mg)} mg in all` };
  return isRest(review) ? { note: "the whole order" } : {};
}
