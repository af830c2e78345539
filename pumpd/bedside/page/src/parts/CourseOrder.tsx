// Ordering a course: its drug, its first day and the weekdays. The gateway plans the dates. It starts nothing.

import { useState } from "preact/hooks";
import { Choice, DateField, TextField } from "./Fields.tsx";
import { Reasons } from "./Reasons.tsx";
import { useLibrary } from "./library.ts";
import { lacksForCourse, WEEKDAYS } from "../state/treatments.ts";
import { act } from "../wire/connection.ts";
import { decimal } from "../words/numbers.ts";

const BLANK = { entry: "", course: "", first_day: "", weekdays: [] as string[] };

export function CourseOrder({ patient, onOrdered }: { patient: string; onOrdered: () => void }) {
  const [open, setOpen] = useState(false);
  if (!open)
    return (
      <button type="button" onClick={() => setOpen(true)}>
        Order a course
      </button>
    );
  return (
    <CourseForm
      patient={patient}
      onClose={() => setOpen(false)}
      onOrdered={() => {
        setOpen(false);
        onOrdered();
      }}
    />
  );
}

function CourseForm({ patient, onClose, onOrdered }: { patient: string; onClose: () => void; onOrdered: () => void }) {
  const { library } = useLibrary();
  const [draft, setDraft] = useState(BLANK);
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const lacks = lacksForCourse(draft);
  const order = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const answer = await act("order_course", { patient, ...draft, course: draft.course.trim() });
    setBusy(false);
    setReasons(answer.reasons);
    if (answer.ok) onOrdered();
  };
  const toggle = (name: string) =>
    setDraft({
      ...draft,
      weekdays: WEEKDAYS.filter((each) => (each === name) !== draft.weekdays.includes(each)),
    });
  return (
    <form class="stack card" aria-label="Order a course" onSubmit={(event) => void order(event)}>
      <h2>Order a course for {patient}</h2>
      <Choice
        legend="Drug"
        name="entry"
        value={draft.entry}
        onValue={(entry) => setDraft({ ...draft, entry })}
        problems={[]}
        options={(library?.entries ?? []).map((each) => ({
          value: each.id,
          text: `${each.drug} ${decimal(each.concentration_mg_ml)} mg/mL`,
          note: each.infusions ? `${each.id}, ${each.infusions} infusions` : each.id,
        }))}
      />
      <div class="row">
        <TextField
          label="Name of the course"
          name="course"
          hint="A token, for example C-2. Each order of the course names it."
          value={draft.course}
          onValue={(course) => setDraft({ ...draft, course })}
          problems={[]}
        />
        <DateField
          label="First day"
          name="first_day"
          value={draft.first_day}
          onValue={(first_day) => setDraft({ ...draft, first_day })}
        />
      </div>
      <fieldset class="choice">
        <legend>Weekdays</legend>
        <div class="options">
          {WEEKDAYS.map((each) => (
            <label class={draft.weekdays.includes(each) ? "option chosen" : "option"} key={each}>
              <input
                type="checkbox"
                name={each}
                checked={draft.weekdays.includes(each)}
                onChange={() => toggle(each)}
              />
              <span>{each[0]!.toUpperCase() + each.slice(1)}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <Reasons reasons={reasons} title="Not ordered" />
      {lacks.length > 0 && <p class="muted">Still needed: {lacks.join(", ")}.</p>}
      <div class="acts">
        <button type="submit" class="primary" disabled={busy || lacks.length > 0}>
          Order this course
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          Cancel
        </button>
      </div>
      <p class="muted">It plans dates and starts nothing. Each infusion is ordered and confirmed by itself.</p>
    </form>
  );
}
