// How a course worked: the response and the total of a scale. Only numbers: the clinic asks the questions elsewhere.

import { useState } from "preact/hooks";
import { Choice, NumberField } from "./Fields.tsx";
import { Reasons } from "./Reasons.tsx";
import { SCALES, totalOf } from "../state/assessment.ts";
import { act } from "../wire/connection.ts";

const RESPONSES = ["responder", "non-responder", "not assessed"];

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
    <form class="stack" aria-label="How the course worked" onSubmit={(event) => void save(event)}>
      <Choice
        legend="Response after the course"
        name="response"
        value={response}
        onValue={setResponse}
        problems={[]}
        options={RESPONSES.map((each) => ({ value: each, text: each }))}
      />
      {response !== "" && response !== "not assessed" && (
        <div class="row">
          <Choice
            legend="Scale"
            name="scale"
            value={scale}
            onValue={setScale}
            problems={[]}
            options={[{ value: "", text: "None" }, ...Object.keys(SCALES).map((each) => ({ value: each, text: each }))]}
          />
          {scale && (
            <NumberField
              label={`${scale} total`}
              unit={`of ${SCALES[scale]}`}
              name="total"
              value={total}
              onValue={setTotal}
              problems={total && wrong ? [wrong] : []}
            />
          )}
        </div>
      )}
      <Reasons reasons={reasons} title="Not saved" />
      <button type="submit" disabled={busy || !response || !!wrong}>
        Save the response
      </button>
    </form>
  );
}
