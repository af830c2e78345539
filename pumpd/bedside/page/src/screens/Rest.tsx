// The rest of an interrupted treatment: at the same rates or over a longer time, from the same or another container.
// The gateway plans it from what was booked at worst. It is checked, read back, confirmed and signed like every order.

import { useState } from "preact/hooks";
import type { BedProps } from "../parts/props.ts";
import { Amount, Fact, Facts } from "../parts/Facts.tsx";
import { Choice, NumberField } from "../parts/Fields.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Outcome } from "../parts/Outcome.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { useDrafting } from "../parts/drafting.ts";
import { useLibrary } from "../parts/library.ts";
import { usePatient } from "../parts/patient.ts";
import { usePreview } from "../parts/preview.ts";
import { byField } from "../state/draft.ts";
import { restFields, RESTING, restLacks, type RestDraft } from "../state/restDraft.ts";
import { bedAddress, go } from "../state/route.ts";
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
import { added, decimal, wallClock } from "../words/numbers.ts";

export function Rest(props: BedProps) {
  const { page, live, pump } = props;
  const sees = may(page, "prescribe") || may(page, "confirm");
  const { history, reasons } = usePatient(pump.patient ?? pump.rest?.patient ?? "", sees);
  const offer = offered(pump, history);
  if (!live.person)
    return (
      <section class="narrow">
        <NeedsSignIn pump={pump.pump} what="give the rest" />
      </section>
    );
  if (!offer)
    return (
      <section class="narrow">
        <Reasons reasons={reasons} title="The history of the patient did not come" />
        <p class="note">There is no treatment here of which a rest can be given.</p>
        <a class="button" href={bedAddress(pump.pump)}>
          Back to {pump.pump}
        </a>
      </section>
    );
  if (!mayOrderRest(page, offer, may))
    return <p class="note">To order the rest, you and this tablet both need the role “prescribe”.</p>;
  return <RestForm key={offer.treatment} {...props} offer={offer} history={history} />;
}

function RestForm({ live, pump, offer, history }: BedProps & { offer: Offer; history: PatientHistory | null }) {
  const { library, reasons: noLibrary } = useLibrary();
  const [draft, setDraft] = useState<RestDraft>(RESTING);
  const [busy, setBusy] = useState(false);
  const touched = useDrafting(pump.pump, draft, RESTING);
  const lacks = restLacks(draft);
  const fields = restFields(pump.pump, offer, draft);
  const { preview, reasons, current, refuse } = usePreview("preview_rest", () => fields, lacks.length === 0);
  const treatment = history?.treatments.find((each) => each.treatment === offer.treatment);
  const { review } = preview;
  const sorted = byField(reasons);
  const ready = current && review !== undefined && lacks.length === 0 && reasons.length === 0;
  const change = (to: Partial<RestDraft>) => setDraft({ ...draft, ...to });
  const order = async () => {
    setBusy(true);
    const answer = await act("rest", fields);
    setBusy(false);
    if (answer.ok) return go(bedAddress(pump.pump));
    return refuse(answer.reasons);
  };
  const first = ofOffer(pump.infusion, offer);
  const entry = library?.entries.find(({ id }) => id === (treatment?.entry ?? first?.review.entry));
  const same = treatment?.rest?.container ?? first?.review.container;

  return (
    <form
      class="order"
      onPointerDown={touched}
      aria-label="The rest of a treatment"
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void order();
      }}
    >
      <div class="order-fields">
        <RestFacts live={live} offer={offer} treatment={treatment} infusion={first} />
        <Choice
          legend="Container"
          name="container"
          value={draft.container}
          onValue={(container) => change({ container })}
          problems={draft.container ? (sorted["container"] ?? []) : []}
          options={[
            { value: "same", text: same ? `The same: ${same}` : "The same", note: "as it is, with what is left in it" },
            ...(entry?.containers ?? []).map((name) => ({ value: `new ${name}`, text: name, note: "a new one" })),
          ]}
        />
        <Choice
          legend="How fast?"
          name="time"
          value={draft.time}
          onValue={(time) => change({ time: time as RestDraft["time"] })}
          problems={draft.time === "same" ? (sorted["duration"] ?? []) : []}
          options={[
            { value: "same", text: "At the same rates" },
            { value: "longer", text: "Slower, over a longer time" },
          ]}
        />
        {draft.time === "longer" && (
          <NumberField
            label="Time for the rest"
            unit="min"
            name="duration"
            hint="Never faster than before."
            value={draft.duration}
            onValue={(duration) => change({ duration })}
            problems={draft.duration ? (sorted["duration"] ?? []) : []}
          />
        )}
        {ready && preview.plasma && <Plasma band={preview.plasma} />}
      </div>
      <aside class="order-result" aria-label="What this order means" aria-live="polite">
        {lacks.length ? (
          <p class="muted">Still needed: {lacks.join(", ")}.</p>
        ) : review && !reasons.length ? (
          <>
            <Outcome review={review} />
            <p class="muted">
              With {decimal(review.given_before_ml)} mL given before.
              {review.first_dose_mg && ` The treatment is ${decimal(review.first_dose_mg)} mg in all.`}
            </p>
          </>
        ) : (
          !reasons.length && <p class="muted">The gateway checks this.</p>
        )}
        <Reasons reasons={reasons.filter((each) => !/^(container|duration):/.test(each))} title="Not possible" />
        <Reasons reasons={noLibrary} title="No drug library" />
        <button type="submit" class="primary" disabled={!ready || busy}>
          Load the rest
        </button>
        <p class="muted">Loading starts nothing. You check it again, scan the wristband and hold to start.</p>
      </aside>
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
  const time = (ts: string | null) => <span class="digits">{wallClock(ts, live.utc_offset_min)}</span>;
  return (
    <>
      <h2>
        The rest of a treatment of {offer.patient}
        {treatment && <> that began {time(treatment.started_ts)}</>}
      </h2>
      <Facts>
        {prescribed && (
          <Fact label="Prescribed" note={treatment?.drug ?? infusion?.review.drug}>
            <Amount of={decimal(prescribed)} unit="mg" />
          </Fact>
        )}
        {given && (
          <Fact label="Given, at most" name="rest-given" note={treatment && `${treatment.share_percent} %`}>
            <Amount of={decimal(given)} unit="mg" />
          </Fact>
        )}
        <Fact label="Left" name="rest-left">
          <span class="two">
            <Amount of={decimal(offer.left_mg)} unit="mg" />
            <Amount of={decimal(offer.left_ml)} unit="mL" />
          </span>
        </Fact>
        <Fact label="All of it given by" name="rest-until" note="nothing of it flows after that">
          {time(offer.until_ts)}
        </Fact>
      </Facts>
      {given && prescribed && <p data-testid="balance">{balance(given, offer.left_mg, prescribed, "mg")}</p>}
    </>
  );
}
