// An order: the drug is chosen and never typed, the weight is typed twice, and every exceeded limit is explained.
// The gateway checks it: while the nurse types (preview), and again when the order is sent.

import { useState } from "preact/hooks";
import type { BedProps } from "../parts/props.ts";
import { Choice, NumberField, SoftLimits, TextField, type FieldState } from "../parts/Fields.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { OnRecord } from "../parts/OnRecord.tsx";
import { Anyway, Outcome } from "../parts/Outcome.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { Treatments } from "../parts/Treatments.tsx";
import { useDrafting } from "../parts/drafting.ts";
import { useLibrary } from "../parts/library.ts";
import { usePatient } from "../parts/patient.ts";
import { usePreview } from "../parts/preview.ts";
import { BLANK, byField, fieldOf, fieldsOf, hint, missing, type Draft } from "../state/draft.ts";
import { bedAddress, go } from "../state/route.ts";
import type { PatientHistory } from "../state/treatments.ts";
import type { SoftLimit } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { decimal } from "../words/numbers.ts";
import { placeInCourse } from "../words/terms.ts";

const BASES: Record<string, string> = { actual: "Actual", ideal: "Ideal", adjusted: "Adjusted" };

export function Order({ page, live, pump }: BedProps) {
  const { library, reasons: noLibrary } = useLibrary();
  const [draft, setWhole] = useState<Draft>(BLANK);
  const [second, setSecond] = useState(false);
  const [busy, setBusy] = useState(false);
  const [patient, setPatient] = useState(""); // typed to its end: half a token may be another patient's
  const prescribes = may(page, "prescribe");
  const form = (exceeded: readonly SoftLimit[]) => ({ pump: pump.pump, ...fieldsOf(draft, exceeded) });
  const { preview, reasons, current, refuse } = usePreview("preview", form, live.person !== null && draft.entry !== "");
  const { history } = usePatient(patient === draft.patient.trim() ? patient : "", prescribes);
  const soft = preview.soft ?? [];
  const setDraft = (to: Draft) => {
    setSecond(false);
    setWhole(to);
  };

  const touched = useDrafting(pump.pump, draft, BLANK);

  if (!live.person)
    return (
      <section class="narrow">
        <NeedsSignIn pump={pump.pump} what="order an infusion" />
      </section>
    );
  if (!prescribes) return <p class="note">To order, you and this tablet both need the role “prescribe”.</p>;
  if (!library)
    return (
      <section class="centre">
        <Reasons reasons={noLibrary} title="No drug library" />
        <p>Loading the drug library</p>
      </section>
    );

  const entry = library.entries.find(({ id }) => id === draft.entry);
  const record = history?.weight ?? (current ? preview.on_record : null) ?? null;
  const lacking = missing(draft);
  const sorted = byField(reasons);
  const open = soft.filter(({ id }) => !draft.overrides[id]?.trim());
  const ready =
    current && lacking.length === 0 && reasons.length === 0 && preview.review !== undefined && open.length === 0;
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
    const answer = await act("order", form(soft));
    setBusy(false);
    if (answer.ok) return go(bedAddress(pump.pump));
    setSecond(false);
    return refuse(answer.reasons);
  };

  return (
    <form
      class="order"
      onPointerDown={touched}
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
              <TextField
                label="Patient token"
                name="patient"
                hint="From the wristband. Never a name."
                onDone={(token) => setPatient(token.trim())}
                {...state("patient")}
              />
              <TextField
                label="Course, if any"
                name="course"
                hint={courses(history) || "The prescriber's token for the course."}
                {...state("course")}
              />
            </div>
            {limits("patient")}
            {limits("course")}
            {history && <Treatments live={live} history={history} folded />}
            <div class="row">
              <NumberField label="Weight" unit="kg" name="weight" hint={hint(entry, "weight")} {...state("weight")} />
              <NumberField
                label="Weight, typed again"
                unit="kg"
                name="weight_again"
                hint="Read the source again, not the first field."
                {...state("weight_again")}
              />
              {record ? (
                <OnRecord live={live} record={record} patient={draft.patient.trim()} />
              ) : (
                <NumberField
                  label="Previous weight, if known"
                  unit="kg"
                  name="previous_weight"
                  {...state("previous_weight")}
                />
              )}
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
            {limits("")}
          </>
        )}
      </div>
      <aside class="order-result" aria-label="What this order means" aria-live="polite">
        {lacking.length || reasons.length || !preview.review ? (
          <p class="muted">
            {lacking.length
              ? `Still needed: ${lacking.map((field) => NAMES[field]).join(", ")}.`
              : "This order cannot be loaded."}
          </p>
        ) : (
          <>
            <Outcome review={preview.review} />
            {preview.course && <p>This is {placeInCourse(preview.course)}.</p>}
            <Plasma band={preview.plasma} />
          </>
        )}
        <Reasons reasons={sorted[""] ?? []} title="Not possible" />
        {second && <Anyway soft={soft} overrides={draft.overrides} />}
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

/** The courses of the patient, as a hint under the field. */
const courses = (history: PatientHistory | null): string =>
  (history?.courses ?? [])
    .filter(({ next }) => next !== null)
    .map(({ course, next }) => `${course}: ${next?.position} is next`)
    .join("; ");
