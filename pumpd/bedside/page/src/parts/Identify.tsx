// Which pump answers: a person at the pump shows it, by pulling its cable or by counting its signals.

import { useState } from "preact/hooks";
import type { BedProps } from "./props.ts";
import { act } from "../wire/connection.ts";
import { say } from "../words/say.ts";
import { reasonOf, sentence } from "../words/terms.ts";
import { BEDS } from "../words/texts/beds.ts";
import { may, NeedsSignIn } from "./NeedsSignIn.tsx";
import { Reasons } from "./Reasons.tsx";

export function Identify({ page, live, pump }: BedProps) {
  const [seen, setSeen] = useState("");
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  if (!pump.to_identify) return null;
  const counting = pump.to_identify.startsWith("count:");
  const begun = counting || pump.to_identify.startsWith("at the pump");
  const identify = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const answer = await act("identify", { pump: pump.pump, ...(counting ? { seen: Number(seen) } : {}) });
    setBusy(false);
    setSeen("");
    setReasons(answer.reasons);
  };
  return (
    <form class="narrow stack" aria-label={say(BEDS.identify)} onSubmit={(event) => void identify(event)}>
      <h3>{say(BEDS.not_known)}</h3>
      <p role="status">{sentence(reasonOf(pump.to_identify).text)}</p>
      {!live.person && <NeedsSignIn pump={pump.pump} what={say(BEDS.to_identify)} />}
      {live.person && may(page, "confirm") && (
        <>
          {counting && (
            <label class="field">
              <span>{say(BEDS.how_often)}</span>
              <input
                name="seen"
                inputMode="numeric"
                autocomplete="off"
                value={seen}
                onInput={(event) => setSeen(event.currentTarget.value)}
              />
            </label>
          )}
          <button type="submit" class="primary" disabled={busy || (counting && !/^[0-9]+$/.test(seen))}>
            {say(counting ? BEDS.confirm_number : begun ? BEDS.begin_again : BEDS.at_pump)}
          </button>
        </>
      )}
      <Reasons reasons={reasons} title={say(BEDS.not_identified)} />
      <p class="muted">{say(BEDS.nothing_before)}</p>
    </form>
  );
}
