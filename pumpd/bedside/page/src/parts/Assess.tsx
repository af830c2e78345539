// How a course worked: the response and the total of a scale. Only numbers: the clinic asks the questions elsewhere.

import { useState } from "preact/hooks";
import { Choice, NumberField } from "./Fields.tsx";
import { Lacking } from "./Lacking.tsx";
import { Reasons } from "./Reasons.tsx";
import { SCALES, totalOf } from "../state/assessment.ts";
import { act } from "../wire/connection.ts";
import { say, type Text } from "../words/say.ts";
import { COURSE } from "../words/texts/course.ts";

const RESPONSES: Readonly<Record<string, Text>> = {
  responder: COURSE.responder,
  "non-responder": COURSE.non_responder,
  "not assessed": COURSE.not_assessed,
};

/** One that a newer gateway has keeps its own word. */
export const responseInWords = (response: string): string => {
  const known = RESPONSES[response];
  return known ? say(known) : response;
};

export function Assess({ patient, course, onSaved }: { patient: string; course: string; onSaved: () => void }) {
  const [response, setResponse] = useState("");
  const [scale, setScale] = useState("");
  const [total, setTotal] = useState("");
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const { number, wrong } = totalOf(scale, total);
  const save = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const answer = await act("assess_course", { patient, course, response, scale: scale || null, total: number });
    setBusy(false);
    setReasons(answer.reasons);
    if (answer.ok) onSaved();
  };
  return (
    <form class="stack" aria-label={say(COURSE.how_it_worked)} onSubmit={(event) => void save(event)}>
      <Choice
        legend={say(COURSE.response)}
        name="response"
        value={response}
        onValue={setResponse}
        problems={[]}
        options={Object.keys(RESPONSES).map((each) => ({ value: each, text: responseInWords(each) }))}
      />
      {response !== "" && response !== "not assessed" && (
        <div class="row">
          <Choice
            legend={say(COURSE.scale)}
            name="scale"
            value={scale}
            onValue={setScale}
            problems={[]}
            options={[
              { value: "", text: say(COURSE.no_scale) },
              ...Object.keys(SCALES).map((each) => ({ value: each, text: each })),
            ]}
          />
          {scale && (
            <NumberField
              label={say(COURSE.total, { scale })}
              unit={say(COURSE.of_most, { most: SCALES[scale] ?? 0 })}
              name="total"
              value={total}
              onValue={setTotal}
              problems={total && wrong ? [say(COURSE.whole_number, { most: SCALES[scale] ?? 0 })] : []}
            />
          )}
        </div>
      )}
      <Reasons reasons={reasons} title={say(COURSE.not_saved)} />
      <Lacking of={response === "" ? [say(COURSE.response)] : scale && !total ? [say(COURSE.total, { scale })] : []} />
      <button type="submit" disabled={busy || !response || wrong}>
        {say(COURSE.save_response)}
      </button>
    </form>
  );
}
