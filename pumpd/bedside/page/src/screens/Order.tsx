// An order: the drug is chosen and never typed, the weight is typed twice, and every exceeded limit is explained.
// The gateway checks it: while the nurse types (preview), and again when the order is sent.

import { useEffect, useRef, useState } from "preact/hooks";
import type { BedProps } from "../parts/props.ts";
import { Choice, NumberField, SoftLimits, TextField, type FieldState } from "../parts/Fields.tsx";
import { Amount } from "../parts/Facts.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { BLANK, byField, fieldOf, fieldsOf, hint, missing, type Draft } from "../state/draft.ts";
import { bedAddress, go } from "../state/route.ts";
import { dispatch } from "../state/store.ts";
import type { Library, Review, SoftLimit } from "../state/types.ts";
import { ask } from "../wire/ask.ts";
import { act } from "../wire/connection.ts";
import { clock, decimal } from "../words/numbers.ts";
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
  const [checked, setChecked] = useState("");
  const round = useRef(0);
  const signedIn = live.person !== null;
  const soft = preview.soft ?? [];

  useEffect(() => {
    // Asked for until it comes, so that a link that was just lost needs no reload.
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
    dispatch({ kind: "drafting", pump: draft === BLANK ? null : pump.pump });
    return () => dispatch({ kind: "drafting", pump: null });
  }, [draft]);

  const typed = JSON.stringify(fieldsOf(draft, soft));
  useEffect(() => {
    const mine = ++round.current; // answers to older drafts do not count
    setSecond(false);
    if (!signedIn || draft.entry === "") return undefined;
    const timer = setTimeout(async () => {
      const answer = await act<Preview>("preview", { pump: pump.pump, ...fieldsOf(draft, soft) });
      if (mine !== round.current) return;
      setChecked(typed);
      setReasons(answer.ok ? [] : answer.reasons);
      setPreview(answer.ok ? answer.result : { soft: answer.result.soft ?? soft });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, signedIn]);

  if (!live.person)
    return (
      <section class="narrow">
        <NeedsSignIn pump={pump.pump} what="order an infusion" />
      </section>
    );
  if (!may(page, "prescribe")) return <p class="note">To order, you and this tablet both need the role “prescribe”.</p>;
  if (!library)
    return (
      <section class="centre">
        <Reasons reasons={reasons} title="No drug library" />
        <p>Loading the drug library</p>
      </section>
    );

  const entry = library.entries.find(({ id }) => id === draft.entry);
  const lacking = missing(draft);
  const sorted = byField(reasons);
  const open = soft.filter(({ id }) => !draft.overrides[id]?.trim());
  const ready =
    checked === typed &&
    lacking.length === 0 &&
    reasons.length === 0 &&
    preview.review !== undefined &&
    open.length === 0;
  const set = (field: keyof Draft) => (value: string) => setDraft({ ...draft, [field]: value });
  const state = (field: keyof Draft): FieldState => ({
    value: draft[field] as string,
    onValue: set(field),
    problems: draft[field] === "" ? [] : (sorted[field] ?? []), // missing fields are listed beside the button
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
      onPointerDown={() => draft !== BLANK && dispatch({ kind: "drafting", pump: pump.pump })}
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
            text: `${each.drug} ${decimal(each.concentration_mg_ml)} mg/mL`,
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
                hint="Read the source again, not the first field."
                {...state("weight_again")}
              />
              <NumberField
                label="Previous weight, if known"
                unit="kg"
                name="previous_weight"
                {...state("previous_weight")}
              />
            </div>
            {limits("weight")}
            <Choice
              legend="Which weight?"
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
            <p>Order it anyway?</p>
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
        <p class="muted">
          Loading starts nothing. The pump is read back. Then you check the program and hold to start.
        </p>
      </aside>
    </form>
  );
}

const NAMES: Record<string, string> = {
  entry: "drug",
  weight: "weight",
  weight_again: "weight, typed again",
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
          : "This order cannot be loaded."}
      </p>
    );
  return (
    <dl class="outcome">
      <div>
        <dt>Dose</dt>
        <dd>
          <Amount of={decimal(review.dose_mg)} unit="mg" />
        </dd>
      </div>
      <div>
        <dt>Volume</dt>
        <dd>
          <Amount of={decimal(review.vtbi_ml)} unit="mL" />
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
