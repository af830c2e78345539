// Pausing: first the pump stops, with one touch; why is asked afterwards, on the screen of the pause.

import { useEffect, useState } from "preact/hooks";
import type { InfusionProps } from "./props.ts";
import { NotMine } from "./Act.tsx";
import { Dock } from "./dock.tsx";
import { may } from "./NeedsSignIn.tsx";
import { Reasons } from "./Reasons.tsx";
import { SignInFirst } from "./SignInFirst.tsx";
import { takeWanted, want } from "./wanted.ts";
import { act } from "../wire/connection.ts";
import { reason } from "../words/reasons.ts";
import { inEnglish, say, type Text } from "../words/say.ts";
import { sentence, forPeople } from "../words/terms.ts";
import { RUN } from "../words/texts/run.ts";

export function PauseAct({ page, live, pump, infusion }: InfusionProps) {
  const [busy, setBusy] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const budget = pump.pause;
  const left = !budget || budget.used < budget.most;
  const pause = async () => {
    setBusy(true);
    const answer = await act("pause", { pump: pump.pump });
    setBusy(false);
    setReasons(answer.reasons);
  };
  const asked = `pause ${infusion.session}`;
  useEffect(() => {
    if (live.person && left && may(page, "confirm") && takeWanted(asked)) void pause();
  }, [live.person?.badge]);
  return (
    <>
      <Dock>
        {!live.person ? (
          <SignInFirst pump={pump.pump} onClick={() => want(asked)}>
            {say(RUN.sign_in_to_pause)}
          </SignInFirst>
        ) : !may(page, "confirm") ? (
          <NotMine label={say(RUN.pause)} />
        ) : (
          <button type="button" disabled={busy || !left} onClick={() => void pause()}>
            {say(left ? RUN.pause : RUN.no_pause_left)}
          </button>
        )}
      </Dock>
      <Reasons reasons={reasons} title={say(RUN.not_paused)} />
    </>
  );
}

/** The journal keeps the English words, whatever the language of the tablet. */
const REASONS: readonly Text[] = [
  RUN.reason_break,
  RUN.reason_line,
  RUN.reason_vitals,
  RUN.reason_transport,
  RUN.reason_other,
];

export function PauseReason({ page, live, pump, infusion }: InfusionProps) {
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<string[]>([]);
  const given = pump.pause?.reason;
  if (given) {
    const known = REASONS.find((each) => inEnglish(each) === given);
    return <p>{say(RUN.reason_is, { reason: known ? say(known) : given })}</p>;
  }
  if (given !== "") return <p>{sentence(forPeople(reason(infusion.reason)))}</p>; // pumpd paused, or a trip was cleared
  if (!live.person || !may(page, "confirm")) return null;
  const explain = async (words: string) => {
    setBusy(true);
    const answer = await act("pause_reason", { pump: pump.pump, session: infusion.session, reason: words });
    setBusy(false);
    setRefused(answer.reasons);
  };
  return (
    <div class="pause-choice" role="group" aria-label={say(RUN.why)}>
      <p>{say(RUN.why)}</p>
      {REASONS.map((text) => (
        <button type="button" key={inEnglish(text)} disabled={busy} onClick={() => void explain(inEnglish(text))}>
          {say(text)}
        </button>
      ))}
      <Reasons reasons={refused} title={say(RUN.not_recorded)} />
    </div>
  );
}
