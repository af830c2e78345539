// The rest of an interrupted treatment: at the same rates or over a longer time, from the same or another container.
// The gateway plans it from what was booked at worst. It is checked, read back, confirmed and signed like every order.

import { useState } from "preact/hooks";
import type { BedProps } from "../parts/props.ts";
import { Act } from "../parts/Act.tsx";
import { Dock } from "../parts/dock.tsx";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { Choice, NumberField } from "../parts/Fields.tsx";
import { may } from "../parts/NeedsSignIn.tsx";
import { Outcome } from "../parts/Outcome.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { SignInHere } from "../parts/SignInHere.tsx";
import { useDrafting } from "../parts/drafting.ts";
import { useLibrary } from "../parts/library.ts";
import { usePatient } from "../parts/patient.ts";
import { usePreview } from "../parts/preview.ts";
import { byField } from "../state/draft.ts";
import { restFields, RESTING, restLacks, type RestDraft } from "../state/restDraft.ts";
import { bedAddress, leaveFor } from "../state/route.ts";
import {
  balance,
  mayOrderRest,
  offered,
  type Offer,
  type PatientHistory,
  type Treatment,
} from "../state/treatments.ts";
import type { Infusion, Live } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { decimalComma, wrongNumber } from "../words/entering.ts";
import { added, decimal, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { nameOfContainer } from "../words/terms.ts";
import { NEED, ORDER } from "../words/texts/order.ts";

export function Rest(props: BedProps) {
  const { page, live, pump } = props;
  const sees = may(page, "prescribe") || may(page, "confirm");
  const { history, reasons } = usePatient(pump.patient ?? pump.rest?.patient ?? "", sees);
  const offer = offered(pump, history);
  if (!live.person)
    return (
      <section class="narrow">
        <SignInHere what={say(ORDER.to_rest)} />
      </section>
    );
  if (!offer)
    return (
      <section class="narrow">
        <Reasons reasons={reasons} title={say(ORDER.history_missing)} />
        <p class="note">{say(ORDER.no_rest)}</p>
        <a class="button" href={bedAddress(pump.pump)}>
          {say(ORDER.back_to, { bed: pump.pump })}
        </a>
      </section>
    );
  if (!mayOrderRest(page, offer, may))
    return (
      <section class="narrow">
        <p class="note">{say(ORDER.rest_needs_prescribe)}</p>
        <a class="button" href={bedAddress(pump.pump)}>
          {say(ORDER.back_to, { bed: pump.pump })}
        </a>
      </section>
    );
  return <RestForm key={`${offer.treatment} ${live.person.badge}`} {...props} offer={offer} history={history} />;
}

function RestForm({ live, pump, offer, history }: BedProps & { offer: Offer; history: PatientHistory | null }) {
  const { library, reasons: noLibrary } = useLibrary();
  const of = { form: offer.treatment, pump: pump.pump, patient: offer.patient, whose: live.person?.badge ?? "" };
  const { draft, change: setDraft, touched, sent } = useDrafting<RestDraft>(of, RESTING);
  const [busy, setBusy] = useState(false);
  const lacks = restLacks(draft);
  const unreadable = draft.time === "longer" && wrongNumber(draft.duration, "min") !== null;
  const fields = restFields(pump.pump, offer, draft, decimalComma());
  const [refused, setRefused] = useState<string[]>([]); // when it was sent: it may be sent again
  const { preview, reasons, current } = usePreview("preview_rest", () => fields, lacks.length === 0 && !unreadable);
  const treatment = history?.treatments.find((each) => each.treatment === offer.treatment);
  const { review } = preview;
  const sorted = byField([...reasons, ...refused]);
  const why = lacks.length
    ? say(ORDER.needed, { fields: lacks.map((each) => say(NEED[each])).join(" · ") })
    : busy
      ? say(ORDER.loading)
      : unreadable || (current && reasons.length)
        ? say(ORDER.correct_fields)
        : !current || !review
          ? say(ORDER.checking)
          : null;
  const change = (to: Partial<RestDraft>) => {
    setRefused([]);
    setDraft({ ...draft, ...to });
  };
  const order = async () => {
    setRefused([]);
    setBusy(true);
    const answer = await act("rest", fields);
    setBusy(false);
    if (answer.ok) {
      sent();
      return leaveFor(bedAddress(pump.pump));
    }
    return setRefused(answer.reasons);
  };
  const first = ofOffer(pump.infusion, offer);
  const entry = library?.entries.find(({ id }) => id === (treatment?.entry ?? first?.review.entry));
  const same = treatment?.rest?.container ?? first?.review.container;

  return (
    <form
      class="order"
      onPointerDown={touched}
      aria-label={say(ORDER.rest_form)}
      autocomplete="off"
      onSubmit={(event) => event.preventDefault()}
    >
      <div class="order-fields">
        <RestFacts live={live} offer={offer} treatment={treatment} infusion={first} />
        <Choice
          legend={say(ORDER.container)}
          name="container"
          value={draft.container}
          onValue={(container) => change({ container })}
          problems={draft.container ? (sorted["container"] ?? []) : []}
          options={[
            {
              value: "same",
              text: same
                ? say(ORDER.same_container, { container: nameOfContainer(same) })
                : say(ORDER.same_container_unknown),
              note: say(ORDER.same_note),
            },
            ...(entry?.containers ?? []).map((name) => ({
              value: `new ${name}`,
              text: nameOfContainer(name),
              note: say(ORDER.new_note),
            })),
          ]}
        />
        <Choice
          legend={say(ORDER.how_fast)}
          name="time"
          value={draft.time}
          onValue={(time) => change({ time: time as RestDraft["time"] })}
          problems={draft.time === "same" ? (sorted["duration"] ?? []) : []}
          options={[
            { value: "same", text: say(ORDER.same_rates) },
            { value: "longer", text: say(ORDER.slower) },
          ]}
        />
        {draft.time === "longer" && (
          <NumberField
            label={say(ORDER.rest_time)}
            unit="min"
            name="duration"
            hint={say(ORDER.never_faster)}
            value={draft.duration}
            onValue={(duration) => change({ duration })}
            problems={draft.duration ? (sorted["duration"] ?? []) : []}
          />
        )}
        {why === null && preview.plasma && <Plasma band={preview.plasma} />}
      </div>
      <aside class="order-result" aria-label={say(ORDER.result)} aria-live="polite">
        {!lacks.length && review && !reasons.length && (
          <>
            <Outcome review={review} />
            <p class="muted">
              {say(ORDER.given_before, { volume: decimal(review.given_before_ml) })}{" "}
              {review.first_dose_mg && say(ORDER.in_all, { dose: decimal(review.first_dose_mg) })}
            </p>
          </>
        )}
        <Reasons
          reasons={[...reasons, ...refused].filter((each) => !/^(container|duration):/.test(each))}
          title={say(ORDER.not_possible)}
        />
        <Reasons reasons={noLibrary} title={say(ORDER.no_library)} />
        <p class="muted">{say(ORDER.rest_starts_nothing)}</p>
      </aside>
      <Dock>
        <Act label={say(ORDER.load_rest)} why={why} onAct={() => void order()} />
      </Dock>
    </form>
  );
}

/** The infusion of this pump, if it is a delivery of that treatment. */
const ofOffer = (infusion: Infusion | null, offer: Offer): Infusion | null =>
  infusion && (infusion.treatment || infusion.session) === offer.treatment ? infusion : null;

interface FactsProps {
  live: Live;
  offer: Offer;
  treatment: Treatment | undefined;
  infusion: Infusion | null;
}

function RestFacts({ live, offer, treatment, infusion }: FactsProps) {
  const prescribed = treatment?.prescribed_mg ?? infusion?.treatment_mg;
  const given = treatment?.given_mg ?? added(infusion?.earlier_mg, infusion?.booked_mg);
  const time = (ts: string | null) => wallClock(ts, live.utc_offset_min);
  const patient = offer.patient;
  return (
    <>
      <h2>
        {treatment
          ? say(ORDER.rest_began, { patient, time: time(treatment.started_ts) })
          : say(ORDER.rest_of, { patient })}
      </h2>
      <Facts>
        {prescribed && (
          <Fact label={say(ORDER.prescribed)} note={treatment?.drug ?? infusion?.review.drug}>
            <Amount of={decimal(prescribed)} unit="mg" />
          </Fact>
        )}
        {given && (
          <Fact label={say(ORDER.given_at_most)} name="rest-given" note={treatment && `${treatment.share_percent} %`}>
            <Amount of={decimal(given)} unit="mg" />
          </Fact>
        )}
        <Fact label={say(ORDER.left)} name="rest-left">
          <span class="two">
            <Amount of={decimal(offer.left_mg)} unit="mg" />
            <Amount of={decimal(offer.left_ml)} unit="mL" />
          </span>
        </Fact>
        <Fact label={say(ORDER.given_by)} name="rest-until" note={say(ORDER.given_by_note)}>
          <span class="digits">{time(offer.until_ts)}</span>
        </Fact>
      </Facts>
      {given && prescribed && <p data-testid="balance">{balance(given, offer.left_mg, prescribed, "mg")}</p>}
    </>
  );
}
