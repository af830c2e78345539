// An order: the drug is chosen and never typed, the weight typed twice, and every limit explained when it is met.
// The gateway judges; this page only asks it while one types (preview), and again when the order is sent.

import { useEffect, useRef, useState } from "preact/hooks";
import type { BedProps } from "./Bed.tsx";
import { Choice, NumberField, SoftLimits, TextField, type FieldState } from "../parts/Fields.tsx";
import { Amount } from "../parts/Facts.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { BLANK, byField, fieldOf, fieldsOf, hint, missing, type Draft } from "../state/draft.ts";
import { bedAddress, go } from "../state/route.ts";
import { tell } from "../state/store.ts";
import type { Library, Review, SoftLimit } from "../state/types.ts";
import { ask } from "../wire/ask.ts";
import { act } from "../wire/connection.ts";
import { clock, figure } from "../words/figures.ts";
import { rates, reasonOf } from "../words/terms.ts";

const TYPING_MS = 400;

interface Preview {
  review?: Review;
  soft?: SoftLimit[];
}

const AGAIN_MS = 1000;
const BASES: Record<string, string> = { actual: "Actual", ideal: "Ideal", adjusted: "Adjusted" };

export function Order({ page, live, pump }: BedProps) {
  const [library, setLibrary] = useState<Library | null>(null);
  const [draft, setDraft] = useState<Draft>(BLANK);
  const [reasons, setReasons] = useState<string[]>([]);
  const [preview, setPreview] = useState<Preview>({});
  const [second, setSecond] = useState(false);
  const [busy, setBusy] = useState(false);
  const [judged, setJudged] = useState("");
  const round = useRef(0);
  const signedIn = live.person !== null;
  const soft = preview.soft ?? [];

  useEffect(() => {
    // Asked for until it is there: a link that was lost just now must not need a reload.
    let timer = 0;
    const read = async () => {
      const answer = await ask<Library>("/api/library");
      if (timer < 0) return;
      setReasons(answer.reasons);
      if (answer.ok) setLibrary(answer.result as Library);
      else timer = window.setTimeout(read, AGAIN_MS);
    };
    void read();
    return () => {
      clearTimeout(timer);
      timer = -1;
    };
  }, []);

  useEffect(() => {
    tell({ kind: "drafting", pump: draft === BLANK ? null : pump.pump });
    return () => tell({ kind: "drafting", pump: null });
  }, [draft]);

  const said = JSON.stringify(fieldsOf(draft, soft));
  useEffect(() => {
    const mine = ++round.current; // an answer to an older draft says nothing of this one
    setSecond(false);
    if (!signedIn || draft.entry === "") return undefined;
    const timer = setTimeout(async () => {
      const answer = await act<Preview>("preview", { pump: pump.pump, ...fieldsOf(draft, soft) });
      if (mine !== round.current) return;
      setJudged(said);
      setReasons(answer.ok ? [] : answer.reasons);
      setPreview(answer.ok ? answer.result : { soft: answer.result.soft ?? soft });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [said, signedIn]);

  if (!live.person)
    return (
      <section class="narrow">
        <NeedsSignIn pump={pump.pump} what="order an infusion" />
      </section>
    );
  if (!may(page, "prescribe")) return <p class="note">Ordering needs a person and a tablet that may prescribe.</p>;
  if (!library)
    return (
      <section class="centre">
        <Reasons reasons={reasons} title="No drug library" />
        <p>Reading the drug library</p>
      </section>
    );

  const entry = library.entries.find(({ id }) => id === draft.entry);
  const lacking = missing(draft);
  const sorted = byField(reasons);
  const open = soft.filter(({ id }) => !draft.overrides[id]?.trim());
  const ready =
    judged === said &&
    lacking.length === 0 &&
    reasons.length === 0 &&
    preview.review !== undefined &&
    open.length === 0;
  const set = (field: keyof Draft) => (value: string) => setDraft({ ...draft, [field]: value });
  const state = (field: keyof Draft): FieldState => ({
    value: draft[field] as string,
    onValue: set(field),
    problems: draft[field] === "" ? [] : (sorted[field] ?? []), // what is empty is named beside the button
  });
  const limits = (field: string) => (
    <SoftLimits
      soft={soft.filter((each) => fieldOf(each) === field)}
      overrides={draft.overrides}
      onReason={(id, why) => setDraft({ ...draft, overrides: { ...draft.overrides, [id]: why } })}
    />
  );
  const order = async () => {
    if (soft.length && !second) return setSecond(true);
    setBusy(true);
    const answer = await act("order", { pump: pump.pump, ...fieldsOf(draft, soft) });
    setBusy(false);
    if (answer.ok) return go(bedAddress(pump.pump));
    setSecond(false);
    return setReasons(answer.reasons);
  };

  return (
    <form
      class="order"
      onPointerDown={() => draft !== BLANK && tell({ kind: "drafting", pump: pump.pump })}
      aria-label="Order"
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void order();
      }}
    >
      <div class="order-fields">
        <Choice
          legend="Drug"
          name="entry"
          value={draft.entry}
          onValue={(id) => setDraft({ ...draft, entry: id, container: "" })}
          problems={draft.entry ? (sorted["entry"] ?? []) : []}
          options={library.entries.map((each) => ({
            value: each.id,
            text: `${each.drug} ${figure(each.concentration_mg_ml)} mg/mL`,
            note: each.profile?.length ? `${each.id}, in ${each.profile.length} steps` : `${each.id}, constant rate`,
          }))}
        />
        {entry && (
          <>
            <div class="row">
              <NumberField label="Weight" unit="kg" name="weight" hint={hint(entry, "weight")} {...state("weight")} />
              <NumberField
                label="Weight, typed again"
                unit="kg"
                name="weight_again"
                hint="Look at the source again, not at the first field."
                {...state("weight_again")}
              />
              <NumberField
                label="Weight last time, if known"
                unit="kg"
                name="previous_weight"
                {...state("previous_weight")}
              />
            </div>
            {limits("weight")}
            <Choice
              legend="Which weight is it?"
              name="weight_basis"
              value={draft.weight_basis}
              onValue={set("weight_basis")}
              problems={state("weight_basis").problems}
              options={library.weight_bases.map((basis) => ({ value: basis, text: BASES[basis] ?? basis }))}
            />
            <div class="row">
              <NumberField label="Dose" unit="mg/kg" name="dose" hint={hint(entry, "dose")} {...state("dose")} />
              <NumberField
                label="Duration"
                unit="min"
                name="duration"
                hint={hint(entry, "duration")}
                {...state("duration")}
              />
            </div>
            {limits("dose")}
            {limits("duration")}
            <Choice
              legend="Container"
              name="container"
              value={draft.container}
              onValue={set("container")}
              problems={state("container").problems}
              options={entry.containers.map((name) => ({ value: name, text: name }))}
            />
            <div class="row">
              <TextField
                label="Patient token"
                name="patient"
                hint="From the wristband. Never a name."
                {...state("patient")}
              />
              <TextField
                label="Course, if any"
                name="course"
                hint="The prescriber's token for the course."
                {...state("course")}
              />
            </div>
            {limits("patient")}
            {limits("course")}
            {limits("")}
          </>
        )}
      </div>
      <aside class="order-result" aria-label="What this order means" aria-live="polite">
        <Outcome review={lacking.length || reasons.length ? undefined : preview.review} lacking={lacking} />
        <Reasons reasons={sorted[""] ?? []} title="Not possible" />
        {second && (
          <div class="note" role="alert">
            <b>Outside the expected limits:</b>
            <ul>
              {soft.map((each) => (
                <li key={each.id}>
                  {reasonOf(each.text).text}: “{draft.overrides[each.id]}”
                </li>
              ))}
            </ul>
            <p>Order it all the same?</p>
          </div>
        )}
        <button type="submit" class="primary" disabled={!ready || busy}>
          {second ? "Yes, order outside the limits" : "Load the pump"}
        </button>
        {second && (
          <button type="button" onClick={() => setSecond(false)}>
            No, change it
          </button>
        )}
        <p class="muted">Loading starts nothing. The pump is read back, and you check and hold after that.</p>
      </aside>
    </form>
  );
}

const NAMES: Record<string, string> = {
  entry: "drug",
  weight: "weight",
  weight_again: "weight again",
  weight_basis: "which weight",
  dose: "dose",
  duration: "duration",
  container: "container",
  patient: "patient token",
};

function Outcome({ review, lacking }: { review: Review | undefined; lacking: string[] }) {
  if (!review)
    return (
      <p class="muted">
        {lacking.length
          ? `Still needed: ${lacking.map((field) => NAMES[field]).join(", ")}.`
          : "Nothing can be loaded like this."}
      </p>
    );
  return (
    <dl class="outcome">
      <div>
        <dt>Dose</dt>
        <dd>
          <Amount of={figure(review.dose_mg)} unit="mg" />
        </dd>
      </div>
      <div>
        <dt>Volume</dt>
        <dd>
          <Amount of={figure(review.vtbi_ml)} unit="mL" />
        </dd>
      </div>
      <div>
        <dt>Rate</dt>
        <dd>{rates(review)}</dd>
      </div>
      <div>
        <dt>Duration</dt>
        <dd>
          <Amount of={clock(review.duration_s)} unit="min" />
        </dd>
      </div>
    </dl>
  );
}
