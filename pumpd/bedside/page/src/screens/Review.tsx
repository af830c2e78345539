// Everything to check before a start, on one screen, as read back from the pump (STA-16); then the wristband and the hold.
// The challenge is requested when the hold begins, and signed only if it matches what is on the screen.

import { useEffect, useRef, useState } from "preact/hooks";
import type { InfusionProps } from "../parts/props.ts";
import { Association } from "../parts/Association.tsx";
import { Dock } from "../parts/dock.tsx";
import { FlowProfile } from "../parts/FlowProfile.tsx";
import { HoldButton } from "../parts/HoldButton.tsx";
import { may } from "../parts/NeedsSignIn.tsx";
import { NotReady } from "../parts/NotReady.tsx";
import { Plasma } from "../parts/Plasma.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { ReviewFacts } from "../parts/ReviewFacts.tsx";
import { Scan } from "../parts/Scan.tsx";
import { SecondPerson } from "../parts/SecondPerson.tsx";
import { SelfTest } from "../parts/SelfTest.tsx";
import { SignInHere } from "../parts/SignInHere.tsx";
import { useBand } from "../parts/band.ts";
import { useWristband, type Checked } from "../parts/wristband.ts";
import type { Challenge, Review } from "../state/types.ts";
import type { Answer } from "../wire/ask.ts";
import { canonical } from "../wire/canonical.ts";
import { act, tabletKey } from "../wire/connection.ts";
import { confirm, mismatch, shownHash } from "../wire/requests.ts";
import { wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { REVIEW } from "../words/texts/review.ts";

interface Second {
  badge: string;
  pin: string;
}

export function ReviewScreen({ page, live, pump, infusion }: InfusionProps) {
  const { review } = infusion;
  const band = useBand(page, pump.pump, review.digest);
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [second, setSecond] = useState<Second | null>(null);
  const others = live.pumps
    .filter((each) => each.pump !== pump.pump)
    .flatMap((each) => [each.patient, each.infusion?.review.patient])
    .filter((each) => !!each) as string[];
  const wristband = useWristband(review.patient, others, live.person?.badge);
  useEffect(() => setSecond(null), [live.person?.badge]); // she checked what the previous person was about to start
  const asked = useRef<{ shown: Review; answer: Promise<Answer<Challenge>> } | null>(null);

  const same = review.read_back !== null && canonical(review.read_back) === canonical(review.steps);
  const confirms = may(page, "confirm");
  const checks = review.double_check === true && second === null && confirms;
  const resumes = infusion.action === "resume";
  const { band: read } = wristband;

  const begin = () => {
    setReasons([]);
    asked.current = { shown: review, answer: act<Challenge>("challenge", { pump: pump.pump }) };
  };
  const held = async () => {
    const of = asked.current;
    const key = tabletKey();
    if (!of || !key || read.state !== "right") return;
    setBusy(true);
    const answer = await of.answer;
    const refusals = await signed(answer, of.shown, key, read.token);
    setBusy(false);
    setReasons(refusals);
    if (!refusals.length) return;
    setSecond(null);
    wristband.drop();
  };
  const signed = async (
    answer: Answer<Challenge>,
    shown: Review,
    key: NonNullable<ReturnType<typeof tabletKey>>,
    token: string,
  ): Promise<string[]> => {
    const challenge = answer.result as Challenge;
    if (!answer.ok || !challenge.binding) return answer.reasons;
    const differs = await mismatch(shown, challenge);
    if (differs) return [differs];
    const gateway = page.about?.gateway ?? "";
    const done = await confirm(key, gateway, pump.pump, challenge, await shownHash(shown), token, second);
    return done.ok ? [] : done.reasons;
  };

  /** Why the button is grey: the first thing to put right. */
  const why = (): string | null => {
    if (page.link !== "open") return say(REVIEW.grey_link);
    if (!same) return say(REVIEW.grey_read_back);
    if (!live.person) return say(REVIEW.grey_sign_in);
    if (!confirms) return say(REVIEW.grey_role);
    if (pump.vitals && !pump.vitals.ready) return say(REVIEW.grey_vitals);
    if (pump.self_test && !pump.self_test.passed) return say(REVIEW.grey_self_test);
    if (checks) return say(REVIEW.grey_second);
    if (pump.patient === null) return say(REVIEW.grey_no_patient);
    if (pump.patient !== review.patient) return say(REVIEW.grey_other_patient, { patient: pump.patient });
    if (read.state === "wrong") return say(REVIEW.grey_wrong);
    if (read.state === "old") return say(REVIEW.grey_again);
    if (read.state !== "right") return say(reasons.length ? REVIEW.grey_refused : REVIEW.grey_wristband);
    return null;
  };

  return (
    <section class="review" aria-label={say(REVIEW.review)}>
      <ReviewFacts page={page} live={live} pump={pump} infusion={infusion} same={same} />
      <div class="review-act">
        <NotReady pump={pump} />
        <Reasons reasons={reasons} title={say(REVIEW.not_started)} />
        {!live.person ? (
          <SignInHere what={say(resumes ? REVIEW.to_resume : REVIEW.to_start)} />
        ) : !confirms ? (
          <p class="note">
            {say(REVIEW.needs_confirm, { until: wallClock(infusion.expires_ts, live.utc_offset_min) })}
          </p>
        ) : checks ? (
          <SecondPerson
            title={say(REVIEW.double_check)}
            task={say(REVIEW.double_task)}
            who={say(REVIEW.second_nurse)}
            first={live.person.badge}
            onDone={(badge, pin) => setSecond({ badge, pin })}
          />
        ) : (
          <>
            {second && (
              <p class="muted">
                {say(REVIEW.second_is, { badge: second.badge })}{" "}
                <button type="button" class="quiet" onClick={() => setSecond(null)}>
                  {say(REVIEW.change)}
                </button>
              </p>
            )}
            {pump.patient === null ? (
              <Association page={page} pump={pump} waiting />
            ) : (
              <WristbandField pump={pump.pump} patient={review.patient} checked={wristband} busy={busy} />
            )}
            <p class="muted">{say(REVIEW.if_wrong)}</p>
          </>
        )}
        {!checks && <FlowProfile steps={review.steps} />}
        {!checks && review.simulated && <p class="simulated">{say(REVIEW.simulated_pump)}</p>}
      </div>
      <div class="review-more">
        <Plasma band={band} now={pump.plasma} />
        <SelfTest live={live} pump={pump} />
      </div>
      <Dock>
        <HoldButton
          key={canonical(review)}
          label={say(resumes ? REVIEW.hold_resume : REVIEW.hold_start)}
          why={why()}
          busy={busy}
          onBegin={begin}
          onHeld={() => void held()}
        />
      </Dock>
    </section>
  );
}

interface FieldProps {
  pump: string;
  patient: string;
  checked: Checked;
  busy: boolean;
}

function WristbandField({ pump, patient, checked, busy }: FieldProps) {
  const { band, end } = checked;
  const hint = end ? say(REVIEW.scan_or_end, { n: end.length }) : say(REVIEW.scan_or_type);
  const verdict =
    band.state === "right"
      ? { good: true, text: say(REVIEW.right, { patient }) }
      : band.state === "wrong"
        ? { good: false, text: say(REVIEW.wrong, { read: band.read, patient }) }
        : band.state === "part"
          ? { good: false, text: `${say(REVIEW.too_short, { read: band.read })} ${hint}` }
          : band.state === "old"
            ? { good: false, text: say(REVIEW.grey_again) }
            : null;
  return (
    <Scan
      label={say(REVIEW.wristband)}
      hint={hint}
      button={say(REVIEW.check)}
      verdict={verdict}
      busy={busy}
      waiting={band.state !== "right"}
      onScan={(read, scanned) => {
        if (checked.take(read, scanned) === "wrong") void act("wristband", { pump, read }); // for the record
      }}
      onTyping={checked.typing}
    />
  );
}
