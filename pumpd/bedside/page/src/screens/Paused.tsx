// A pause: how much time is left for it, why it was made, and resuming, which takes a review and a hold again.

import { useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { NotMine } from "../parts/Act.tsx";
import { Dock } from "../parts/dock.tsx";
import { may } from "../parts/NeedsSignIn.tsx";
import { NotReady } from "../parts/NotReady.tsx";
import { PauseReason } from "../parts/Pause.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { uncertain, Reconcile } from "../parts/Reconcile.tsx";
import { RestOf } from "../parts/RestOf.tsx";
import { SharesTable } from "../parts/Shares.tsx";
import { SignInFirst } from "../parts/SignInFirst.tsx";
import { VitalSigns } from "../parts/VitalSigns.tsx";
import { PAUSE_NOTICE_S } from "../state/limits.ts";
import { useNow } from "../state/store.ts";
import { act } from "../wire/connection.ts";
import { clock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { RUN } from "../words/texts/run.ts";

export function Paused(props: InfusionProps) {
  const { page, live, pump, infusion } = props;
  const at = useNow(500);
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const gone = (Math.max(0, at - page.liveAt) / 1000) * (live.time_scale ?? 1);
  const { pause } = pump;
  const left = pause?.left_s === null || pause?.left_s === undefined ? null : Math.max(0, pause.left_s - gone);
  const resume = async () => {
    setBusy(true);
    const answer = await act("resume", { pump: pump.pump });
    setBusy(false);
    setReasons(answer.reasons);
  };
  const pausing = infusion.state === "pausing";
  return (
    <section class="sides">
      <div>
        <h2>{say(pausing ? RUN.pausing : RUN.paused)}</h2>
        {left !== null && (
          <p class={left <= PAUSE_NOTICE_S ? "pause-left pause-soon" : "pause-left"} data-testid="pause-left">
            <span>{say(RUN.pause_left)}</span> <b class="digits">{clock(left)}</b> <span class="unit">min</span>
          </p>
        )}
        {left !== null && (
          <div class="pause-notice" role="status">
            {/* Both keep their room: the notice moves no button below it. */}
            <p class="muted">{say(RUN.at_zero)}</p>
            <p class={left <= PAUSE_NOTICE_S ? "note" : "note held-back"}>
              <b>{say(RUN.soon_zero)}</b>
            </p>
          </div>
        )}
        <PauseReason {...props} />
        <Reasons reasons={reasons} title={say(RUN.not_resumed)} />
      </div>
      <div>
        <SharesTable of={infusion} places={2} />
        {pause && (
          <p class="muted" data-testid="pauses">
            {say(RUN.pauses, {
              used: pause.used,
              most: pause.most,
              total: clock(pause.total_left_s === null ? null : pause.total_left_s - gone),
            })}
          </p>
        )}
        <RestOf {...props} />
        {uncertain(pump) && <Reconcile page={page} live={live} pump={pump} />}
        <NotReady pump={pump} />
        <VitalSigns page={page} live={live} pump={pump} start />
        <p class="muted">
          {say(RUN.resume_means)} {say(RUN.stop_means)}
        </p>
      </div>
      {!pausing && (
        <Dock>
          {!live.person ? (
            <SignInFirst pump={pump.pump}>{say(RUN.sign_in_to_resume)}</SignInFirst>
          ) : !may(page, "confirm") ? (
            <NotMine label={say(RUN.resume)} />
          ) : (
            <button type="button" class="primary" disabled={busy} onClick={() => void resume()}>
              {say(RUN.resume)}
            </button>
          )}
        </Dock>
      )}
    </section>
  );
}
