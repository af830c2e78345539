// The facts of the program that waits for its start, as they are signed, all on one screen (STA-16).

import { Amount, Fact, Facts } from "./Facts.tsx";
import { OrderAge } from "./OrderAge.tsx";
import { RestOf } from "./RestOf.tsx";
import { VitalSigns } from "./VitalSigns.tsx";
import type { InfusionProps } from "./props.ts";
import { gatewayNow } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Review } from "../state/types.ts";
import { clock, decimal, NONE, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import {
  lossOfControlSentence,
  forPeople,
  inWords,
  isRest,
  libraryOf,
  nameOfContainer,
  rates,
  reasonOf,
  sentence,
  stepSeconds,
  weightOf,
} from "../words/terms.ts";
import { REVIEW } from "../words/texts/review.ts";

/** `same`: what the pump holds is this program. */
export function ReviewFacts({ page, live, pump, infusion, same }: InfusionProps & { same: boolean }) {
  const at = useNow(1000);
  const { review } = infusion;
  const wall = gatewayNow(page, at);
  const ends =
    wall === null
      ? null
      : wallClock(wall + (Number(review.duration_s) * 1000) / (live.time_scale ?? 1), live.utc_offset_min);
  return (
    <div class="review-facts">
      <p class="sentence" data-testid="sentence">
        {inWords(review, ends)}
      </p>
      <RestOf page={page} live={live} pump={pump} infusion={infusion} />
      <p class={same ? "read-back" : "reasons"} role="status">
        {say(same ? REVIEW.read_back : REVIEW.not_read_back)}
      </p>
      {!infusion.reason.startsWith("read back") && <p class="note">{sentence(forPeople(infusion.reason))}</p>}
      {review.warnings.map((warning) => {
        const { field: limit, text } = reasonOf(warning);
        const why = review.overrides[limit];
        return (
          <p class="note" key={warning}>
            {sentence(text)}
            {why && ` ${say(REVIEW.reason_given, { why })}`}
          </p>
        );
      })}
      <Facts dense>
        <Fact
          label={say(REVIEW.patient)}
          note={pump.patient ? say(REVIEW.of_pump, { patient: pump.patient }) : say(REVIEW.no_patient)}
        >
          {review.patient || NONE}
        </Fact>
        <Fact label={say(REVIEW.drug)}>{review.drug}</Fact>
        <Fact label={say(REVIEW.concentration)}>
          <Amount of={decimal(review.concentration_mg_ml)} unit="mg/mL" />
        </Fact>
        <Fact label={say(REVIEW.dose_per_weight)}>
          <Amount of={decimal(review.dose_mg_kg)} unit="mg/kg" />
        </Fact>
        <Fact label={say(REVIEW.weight)} note={weightOf(review.weight_basis)}>
          <Amount of={decimal(review.weight_kg)} unit="kg" />
        </Fact>
        <Fact label={say(REVIEW.dose)} {...doseNote(review)}>
          <Amount of={decimal(review.dose_mg)} unit="mg" />
        </Fact>
        <Fact
          label={say(REVIEW.volume)}
          {...(isRest(review) ? { note: say(REVIEW.given_before, { volume: decimal(review.given_before_ml) }) } : {})}
        >
          <Amount of={decimal(review.vtbi_ml)} unit="mL" />
        </Fact>
        <Fact label={say(REVIEW.rate)}>
          {review.steps.length === 1
            ? rates(review)
            : review.steps.map((step, each) => (
                <span class="step" key={each}>
                  {decimal(step.rate_ml_h)} mL/h
                  <small>{say(REVIEW.step_for, { time: clock(stepSeconds(step)) })}</small>
                </span>
              ))}
        </Fact>
        <Fact label={say(REVIEW.duration)}>
          <Amount of={clock(review.duration_s)} unit="min" />
        </Fact>
        <Fact label={say(REVIEW.container)}>{nameOfContainer(review.container)}</Fact>
        <Fact
          label={say(REVIEW.pump)}
          note={
            <>
              {review.model}
              <br />
              {say(REVIEW.serial, { serial: review.serial })}
            </>
          }
        >
          {review.pump}
        </Fact>
        <Fact
          label={say(REVIEW.ordered_by)}
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
        <Fact label={say(REVIEW.if_gateway_fails)} wide>
          {lossOfControlSentence(review.loss_of_control, pump.loss_of_control_text)}
        </Fact>
      </Facts>
      <VitalSigns page={page} live={live} pump={pump} start />
    </div>
  );
}

/** Whether the dose is all that was prescribed. */
function doseNote(review: Review): { note?: string } {
  if (review.first_dose_mg) return { note: say(REVIEW.of_all, { dose: decimal(review.first_dose_mg) }) };
  return isRest(review) ? { note: say(REVIEW.whole_order) } : {};
}
