// An order for the patient of the pump. The drug is chosen and never typed; its usual dose and time are filled in; the
// weight is typed twice or confirmed from the record; every exceeded limit is explained.
// The gateway checks it: while the nurse types (preview), and again when the order is sent.

import { useEffect, useRef, useState } from "preact/hooks";
import type { BedProps } from "../parts/props.ts";
import { Act } from "../parts/Act.tsx";
import { Association } from "../parts/Association.tsx";
import { Dock } from "../parts/dock.tsx";
import { Choice, NumberField, SoftLimits, TextField, type FieldState } from "../parts/Fields.tsx";
import { Fact, Facts } from "../parts/Facts.tsx";
import { may } from "../parts/NeedsSignIn.tsx";
import { Anyway, Outcome } from "../parts/Outcome.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { Scan } from "../parts/Scan.tsx";
import { SignInHere } from "../parts/SignInHere.tsx";
import { Treatments } from "../parts/Treatments.tsx";
import { WeightFields } from "../parts/WeightFields.tsx";
import { useDrafting } from "../parts/drafting.ts";
import { useLibrary } from "../parts/library.ts";
import { usePatient } from "../parts/patient.ts";
import { usePreview } from "../parts/preview.ts";
import {
  BLANK,
  byField,
  fieldOf,
  fieldsOf,
  missing,
  unreadable,
  withEntry,
  type Draft,
  type Needed,
} from "../state/draft.ts";
import { isReason } from "../state/limits.ts";
import { bedAddress, leaveFor } from "../state/route.ts";
import type { PatientHistory } from "../state/treatments.ts";
import type { Entry, Library, Preview } from "../state/types.ts";
import { act } from "../wire/connection.ts";
import { decimalComma, hint, nameOfEntry, numberIn, profileInWords } from "../words/entering.ts";
import { decimal } from "../words/numbers.ts";
import { reason } from "../words/reasons.ts";
import { say } from "../words/say.ts";
import { ended, nameOfContainer, placeInCourse } from "../words/terms.ts";
import { BEDS } from "../words/texts/beds.ts";
import { NEED, ORDER } from "../words/texts/order.ts";

export function Order(props: BedProps) {
  const { page, live, pump } = props;
  const { library, reasons } = useLibrary();
  if (!live.person)
    return (
      <section class="narrow">
        <SignInHere what={say(ORDER.to_order)} />
      </section>
    );
  if (!may(page, "prescribe"))
    return <Instead bed={pump.pump}>{say(may(page, "confirm") ? ORDER.needs_prescribe : BEDS.view_only)}</Instead>;
  if (pump.problem) return <Instead bed={pump.pump}>{say(BEDS.unavailable, { why: reason(pump.problem) })}</Instead>;
  if (pump.infusion && !ended(pump.infusion)) return <Instead bed={pump.pump}>{say(ORDER.busy_pump)}</Instead>;
  if (!library)
    return (
      <section class="centre">
        <Reasons reasons={reasons} title={say(ORDER.no_library)} />
        <p>{say(ORDER.loading_library)}</p>
      </section>
    );
  if (!pump.patient && may(page, "confirm"))
    return (
      <section class="narrow">
        <Association page={page} pump={pump} waiting />
      </section>
    );
  // What was typed is for one patient and by one person.
  return <OrderForm key={`${pump.patient} ${live.person.badge}`} {...props} library={library} />;
}

/** Why there is no form, and the way back. */
function Instead({ bed, children }: { bed: string; children: string }) {
  return (
    <section class="narrow">
      <p class="note">{children}</p>
      <a class="button" href={bedAddress(bed)}>
        {say(ORDER.back_to, { bed })}
      </a>
    </section>
  );
}

function OrderForm({ page, live, pump, library }: BedProps & { library: Library }) {
  const of = { form: "order", pump: pump.pump, patient: pump.patient ?? "", whose: live.person?.badge ?? "" };
  const { draft, change, touched, sent } = useDrafting<Draft>(of, BLANK);
  const [second, setSecond] = useState(false);
  const [busy, setBusy] = useState(false);
  const whole: Draft = { ...draft, patient: pump.patient ?? draft.patient };
  const form = ({ soft, containers }: Preview, container = inThePump(whole, containers)) => ({
    pump: pump.pump,
    ...fieldsOf({ ...whole, container }, soft ?? [], decimalComma()),
  });
  const { preview, reasons, current } = usePreview("preview", form, draft.entry !== "");
  const [refused, setRefused] = useState<string[]>([]); // when it was sent: it may be sent again
  const { history } = usePatient(whole.patient, true);
  const setDraft = (to: Draft) => {
    setSecond(false);
    setRefused([]);
    change(to);
  };
  const chosen = useChosen(whole, setDraft, library, history, current ? preview.containers : undefined);

  const soft = preview.soft ?? [];
  const entry = library.entries.find(({ id }) => id === draft.entry);
  const record = history?.weight ?? (current ? preview.on_record : null) ?? null;
  const choices = toLoadWith(whole, preview.containers);
  const lacking = choices.length ? [] : missing(whole);
  const sorted = byField([...reasons, ...refused]);
  const open = soft.filter(({ id }) => !isReason(draft.overrides[id] ?? ""));
  const why = lacking.length
    ? say(ORDER.needed, { fields: namesOf(lacking) })
    : unreadable(whole, decimalComma()).length
      ? say(ORDER.correct_fields)
      : busy
        ? say(ORDER.loading)
        : !current
          ? say(ORDER.checking)
          : reasons.length || !preview.review
            ? say(ORDER.correct_fields)
            : open.length
              ? say(ORDER.why_soft)
              : null;
  const set = (field: keyof Draft) => (value: string) => setDraft({ ...draft, [field]: value });
  const state = (field: keyof Draft): FieldState => ({
    value: draft[field] as string,
    onValue: set(field),
    problems: draft[field] === "" ? [] : (sorted[field] ?? []), // missing fields are named at the button
  });
  const limits = (field: string) => (
    <SoftLimits
      soft={soft.filter((each) => fieldOf(each) === field)}
      overrides={draft.overrides}
      onReason={(id, given) => setDraft({ ...draft, overrides: { ...draft.overrides, [id]: given } })}
    />
  );
  const order = async (container = draft.container) => {
    if (why !== null) return;
    if (container !== draft.container) change({ ...draft, container });
    if (soft.length && !second) return setSecond(true);
    setRefused([]);
    setBusy(true);
    const answer = await act("order", form(preview, container));
    setBusy(false);
    if (answer.ok) {
      sent();
      return leaveFor(bedAddress(pump.pump));
    }
    setSecond(false);
    return setRefused(answer.reasons);
  };
  const loads = why === null ? choices : [];
  const containers = preview.containers?.length ? preview.containers : (entry?.containers ?? []);

  if (!whole.patient)
    return (
      // Ordered from elsewhere, by a person who may not associate the pump: the token is given here.
      <section class="narrow">
        <Scan
          label={say(ORDER.patient)}
          hint={say(BEDS.scan_hint)}
          button={say(ORDER.take_patient)}
          waiting
          onScan={set("patient")}
        />
      </section>
    );
  return (
    <form
      class="order"
      onPointerDown={touched}
      aria-label={say(ORDER.form)}
      autocomplete="off"
      onSubmit={(event) => event.preventDefault()}
    >
      <div class="order-fields">
        <Facts>
          <Fact label={say(ORDER.patient)} note={say(pump.patient ? ORDER.patient_note : ORDER.patient_typed)} wide>
            {whole.patient}
            {!pump.patient && (
              <button type="button" class="quiet" onClick={() => set("patient")("")}>
                {say(BEDS.other_patient)}
              </button>
            )}
          </Fact>
        </Facts>
        {entry && chosen.why && (
          <Facts>
            <Fact label={say(ORDER.drug)} note={`${inDetail(entry)}. ${chosen.why}`} wide>
              {nameOfEntry(entry)}
              <button type="button" class="quiet" onClick={chosen.another}>
                {say(ORDER.other_drug)}
              </button>
            </Fact>
          </Facts>
        )}
        {!chosen.why && (
          <Choice
            legend={say(ORDER.drug)}
            name="entry"
            value={draft.entry}
            onValue={(id) => chosen.byPerson(library.entries.find((each) => each.id === id))}
            problems={draft.entry ? (sorted["entry"] ?? []) : []}
            options={library.entries.map((each) => ({
              value: each.id,
              text: nameOfEntry(each),
              note: inDetail(each),
            }))}
          />
        )}
        {limits("patient")}
        {history && <Treatments live={live} history={history} folded />}
        {entry && (
          <>
            <WeightFields
              page={page}
              live={live}
              draft={whole}
              entry={entry}
              bases={library.weight_bases}
              record={record}
              state={state}
              onChange={setDraft}
            />
            {limits("weight")}
            <div class="row">
              <NumberField
                label={say(ORDER.dose)}
                unit="mg/kg"
                name="dose"
                hint={hint(entry, "dose", draft.dose)}
                {...state("dose")}
              />
              <NumberField
                label={say(ORDER.duration)}
                unit="min"
                name="duration"
                hint={hint(entry, "duration", draft.duration)}
                {...state("duration")}
              />
            </div>
            {limits("dose")}
            {limits("duration")}
            <Choice
              legend={say(ORDER.container)}
              name="container"
              value={draft.container}
              onValue={set("container")}
              problems={state("container").problems}
              hint={
                choices.length
                  ? say(ORDER.container_here)
                  : containers.length === 1 && draft.container
                    ? say(ORDER.container_only)
                    : undefined
              }
              options={[...new Set([...containers, ...(draft.container ? [draft.container] : [])])].map((name) => ({
                value: name,
                text: nameOfContainer(name),
              }))}
            />
            <TextField
              label={say(ORDER.course)}
              name="course"
              hint={courses(history) || say(ORDER.course_hint)}
              {...state("course")}
            />
            {limits("course")}
            {limits("")}
          </>
        )}
      </div>
      <aside class="order-result" aria-label={say(ORDER.result)} aria-live="polite">
        {!lacking.length && !reasons.length && preview.review && (
          <>
            <Outcome review={preview.review} />
            {preview.course && <p>{say(ORDER.place, { place: placeInCourse(preview.course) })}</p>}
            <Plasma band={preview.plasma} />
          </>
        )}
        <Reasons reasons={[...(sorted["patient"] ?? []), ...(sorted[""] ?? [])]} title={say(ORDER.not_possible)} />
        {second && (
          <>
            <Anyway soft={soft} overrides={draft.overrides} />
            <button type="button" onClick={() => setSecond(false)}>
              {say(ORDER.outside_no)}
            </button>
          </>
        )}
        <p class="muted">{say(ORDER.loading_starts_nothing)}</p>
      </aside>
      <Dock key={loads.join()}>
        {loads.map((name) => (
          <Act
            key={name}
            label={nameOfContainer(name)}
            why={null}
            note={say(ORDER.load_with)}
            onAct={() => void order(name)}
          />
        ))}
        {!loads.length && (
          <Act label={say(second ? ORDER.outside_yes : ORDER.load)} why={why} onAct={() => void order()} />
        )}
      </Dock>
    </form>
  );
}

/**
 * What is chosen without a person: the drug of the patient's only open course, or the only one in the library; and the
 * only container that holds the order. `why`: why the drug is chosen already.
 */
function useChosen(
  draft: Draft,
  setDraft: (to: Draft) => void,
  library: Library,
  history: PatientHistory | null,
  containers: readonly string[] | undefined,
) {
  const [why, setWhy] = useState<string | undefined>();
  const done = useRef(draft.entry !== "");
  const choose = (entry: Entry | undefined, course = draft.course) => {
    if (!entry) return;
    const before = library.entries.find(({ id }) => id === draft.entry);
    setDraft({ ...withEntry(draft, entry, before, numberIn), course });
  };
  useEffect(() => {
    if (done.current) return;
    const [only] = library.entries;
    if (library.entries.length === 1 && only) {
      done.current = true;
      setWhy(say(ORDER.chosen_only));
      choose(only);
    } else if (history) {
      done.current = true;
      const [course, ...more] = openCourses(history);
      const entry = library.entries.find(({ id }) => id === course?.entry);
      if (!course || more.length || !entry) return;
      setWhy(say(ORDER.chosen_course));
      choose(entry, course.course);
    }
  }, [history, library]);
  useEffect(() => {
    if (draft.container === "" && containers?.length === 1) setDraft({ ...draft, container: containers[0]! });
  }, [containers?.join(), draft.container]);
  return {
    why,
    another: () => setWhy(undefined),
    byPerson: (entry: Entry | undefined) => {
      done.current = true;
      setWhy(undefined);
      choose(entry);
    },
  };
}

/** Two containers, each loaded by an act of its own: when nothing is missing but the choice. More do not fit beside Stop. */
const toLoadWith = (draft: Draft, fitting: readonly string[] = []): readonly string[] =>
  missing(draft).join() === "container" && fitting.length === 2 ? fitting : [];

/** The container that is checked: until one is chosen, the first of those that hold the order. */
const inThePump = (draft: Draft, fitting?: readonly string[]): string =>
  draft.container || (toLoadWith(draft, fitting)[0] ?? "");

/** The first missing fields: more would not fit into the bar. */
const namesOf = (lacking: readonly Needed[]): string =>
  [...lacking.slice(0, 2).map((field) => say(NEED[field])), ...(lacking.length > 2 ? ["…"] : [])].join(" · ");

/** What a name may leave out. */
const inDetail = (entry: Entry): string =>
  `${entry.drug} ${decimal(entry.concentration_mg_ml)} mg/mL, ${profileInWords(entry)}`;

/** The ordered courses of the patient that are not over. */
const openCourses = (history: PatientHistory | null) =>
  (history?.courses ?? []).filter(({ ordered, next }) => ordered && next !== null);

/** They as a hint under the field. */
const courses = (history: PatientHistory | null): string =>
  openCourses(history)
    .map(({ course, next }) => say(ORDER.course_next, { course, position: next ? placeInCourse(next.place) : "" }))
    .join("; ");
