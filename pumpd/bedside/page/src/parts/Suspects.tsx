// Doses dated in the future: the clock was wrong. Two people correct the date, with a reason (PRG-28).

import { useState } from "preact/hooks";
import type { BedProps } from "./props.ts";
import { DateField } from "./Fields.tsx";
import { may } from "./NeedsSignIn.tsx";
import { Reasons } from "./Reasons.tsx";
import { SecondPerson } from "./SecondPerson.tsx";
import { isReason, LONGEST_TEXT } from "../state/limits.ts";
import { offsetText, withOffset, type Suspect } from "../state/treatments.ts";
import { act } from "../wire/connection.ts";
import { calendarDay, day, decimal, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { COURSE } from "../words/texts/course.ts";

interface Props extends BedProps {
  suspects: Suspect[];
  onCorrected: () => void;
}

export function Suspects({ suspects, ...props }: Props) {
  if (!suspects.length) return null;
  return (
    <section class="stack" aria-label={say(COURSE.wrong_dates)}>
      {suspects.map((each) => (
        <SuspectDose key={each.session} {...props} suspect={each} />
      ))}
    </section>
  );
}

function SuspectDose({ page, live, suspect, onCorrected }: Omit<Props, "suspects"> & { suspect: Suspect }) {
  const [open, setOpen] = useState(false);
  const offset = live.utc_offset_min ?? 0;
  return (
    <div class="note">
      <b>{say(COURSE.dated_future)}</b>
      <p>
        {say(COURSE.until_corrected, {
          dose: decimal(suspect.given_mg),
          drug: suspect.drug,
          day: day(suspect.started_ts, offset),
          time: wallClock(suspect.started_ts, offset),
        })}
      </p>
      {live.person && (may(page, "confirm") || may(page, "prescribe")) && !open && (
        <button type="button" onClick={() => setOpen(true)}>
          {say(COURSE.correct)}
        </button>
      )}
      {live.person && open && (
        <Correct
          offset={offset}
          first={live.person.badge}
          suspect={suspect}
          onClose={() => setOpen(false)}
          onCorrected={onCorrected}
        />
      )}
    </div>
  );
}

interface CorrectProps {
  offset: number;
  first: string;
  suspect: Suspect;
  onClose: () => void;
  onCorrected: () => void;
}

function Correct({ offset, first, suspect, onClose, onCorrected }: CorrectProps) {
  const [date, setDate] = useState("");
  const [time, setTime] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const filled = date !== "" && time !== "" && isReason(reason);
  const correct = async (badge: string, pin: string) => {
    setBusy(true);
    const started = withOffset(date, time, offset);
    const fields = { session: suspect.session, started, reason: reason.trim(), second: { badge, pin } };
    const answer = await act("correct_dose", fields);
    setBusy(false);
    setReasons(answer.reasons);
    if (answer.ok) onCorrected();
  };
  return (
    <div class="stack">
      <div class="row">
        <DateField label={say(COURSE.day_began)} name="started-day" value={date} onValue={setDate} />
        <label class="field">
          <span>{say(COURSE.time_began, { offset: offsetText(offset) })}</span>
          <input type="time" name="started-time" value={time} onInput={(event) => setTime(event.currentTarget.value)} />
        </label>
      </div>
      <label class="field">
        <span>{say(COURSE.how_known)}</span>
        <input
          name="reason"
          autocomplete="off"
          maxLength={LONGEST_TEXT}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
      </label>
      {filled && !busy && (
        <SecondPerson
          title={say(COURSE.second_checks)}
          task={say(COURSE.began_at, { day: calendarDay(date), time })}
          who={say(COURSE.second_person)}
          first={first}
          onDone={(badge, pin) => void correct(badge, pin)}
        />
      )}
      <Reasons reasons={reasons} title={say(COURSE.not_corrected)} />
      <button type="button" class="quiet" onClick={onClose}>
        {say(COURSE.cancel)}
      </button>
    </div>
  );
}
