// Ordering a course: its drug, its first day and the weekdays. The gateway plans the dates. It starts nothing.

import { useState } from "preact/hooks";
import { Choice, DateField, TextField } from "./Fields.tsx";
import { Lacking } from "./Lacking.tsx";
import { Reasons } from "./Reasons.tsx";
import { useLibrary } from "./library.ts";
import { lacksForCourse, WEEKDAYS, type CourseLack } from "../state/treatments.ts";
import { act } from "../wire/connection.ts";
import { nameOfEntry, profileInWords } from "../words/entering.ts";
import { say, type Text } from "../words/say.ts";
import { COURSE, WEEKDAY } from "../words/texts/course.ts";

const LACK: Readonly<Record<CourseLack, Text>> = {
  drug: COURSE.drug,
  name: COURSE.name,
  first_day: COURSE.first_day,
  weekdays: COURSE.weekdays,
};

const BLANK = { entry: "", course: "", first_day: "", weekdays: [] as string[] };

export function CourseOrder({ patient, onOrdered }: { patient: string; onOrdered: () => void }) {
  const [open, setOpen] = useState(false);
  if (!open)
    return (
      <button type="button" onClick={() => setOpen(true)}>
        {say(COURSE.order)}
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
    <form class="stack card" aria-label={say(COURSE.order)} onSubmit={(event) => void order(event)}>
      <h2>{say(COURSE.order_for, { patient })}</h2>
      <Choice
        legend={say(COURSE.drug)}
        name="entry"
        value={draft.entry}
        onValue={(entry) => setDraft({ ...draft, entry })}
        problems={[]}
        options={(library?.entries ?? []).map((each) => ({
          value: each.id,
          text: nameOfEntry(each),
          note: [profileInWords(each), ...(each.infusions ? [say(COURSE.infusions, { n: each.infusions })] : [])].join(
            ", ",
          ),
        }))}
      />
      <div class="row">
        <TextField
          label={say(COURSE.name)}
          name="course"
          hint={say(COURSE.name_hint)}
          value={draft.course}
          onValue={(course) => setDraft({ ...draft, course })}
          problems={[]}
        />
        <DateField
          label={say(COURSE.first_day)}
          name="first_day"
          value={draft.first_day}
          onValue={(first_day) => setDraft({ ...draft, first_day })}
        />
      </div>
      <fieldset class="choice">
        <legend>{say(COURSE.weekdays)}</legend>
        <div class="options">
          {WEEKDAYS.map((each) => (
            <label class={draft.weekdays.includes(each) ? "option chosen" : "option"} key={each}>
              <input
                type="checkbox"
                name={each}
                checked={draft.weekdays.includes(each)}
                onChange={() => toggle(each)}
              />
              <span>{say(WEEKDAY[each])}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <Reasons reasons={reasons} title={say(COURSE.not_ordered)} />
      <Lacking of={lacks.map((each) => say(LACK[each]))} />
      <div class="acts">
        <button type="submit" class="primary" disabled={busy || lacks.length > 0}>
          {say(COURSE.order_this)}
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          {say(COURSE.cancel)}
        </button>
      </div>
      <p class="muted">{say(COURSE.starts_nothing)}</p>
    </form>
  );
}
