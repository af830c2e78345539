// Alarms, always in the same line: the highest with its cause, since when and the first step, and one touch to
// acknowledge it and pause its sound. All steps, and all other alarms, open over the screen. Nothing else moves: the line
// has its room whether there is an alarm or not.
// Acknowledging records who has seen an alarm. It clears nothing.

import { useEffect, useRef, useState } from "preact/hooks";
import { activeAlarms, pauseLeft, WORD, type Active } from "../alarm/active.ts";
import { bedAddress, go } from "../state/route.ts";
import { now, useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import type { Infusion, Priority } from "../state/types.ts";
import { decimal, wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { nameOf } from "../words/terms.ts";
import { ALARM } from "../words/texts/alarm.ts";
import { act } from "../wire/connection.ts";
import { BellOff } from "./Badges.tsx";
import { Reasons } from "./Reasons.tsx";
import { useSettled } from "./settled.ts";
import { SIGNING_IN_MS } from "./wanted.ts";

type Answer = (alarm: Active) => void;

const keyOf = (alarm: Active) => `${alarm.pump}/${alarm.code}`;
const seen = (alarm: Active) => !!(alarm.acknowledged_ts || alarm.acknowledged_by);

export function AlarmBanner({ page }: { page: Page }) {
  const at = useNow(500);
  const [open, setOpen] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const wanted = useRef<{ alarm: Active; at: number } | null>(null);
  const alarms = activeAlarms(page, at);
  const first = alarms[0];
  const settled = useSettled(first ? keyOf(first) : "");
  const person = page.live?.person ?? null;
  const audible = pauseLeft(page, at) <= 0;

  const done = async (alarm: Active) => {
    const asked = [
      ...(seen(alarm) ? [] : [act("acknowledge", { pump: alarm.pump ?? "", code: alarm.code })]),
      ...(audible ? [act("pause_audio")] : []),
    ];
    const answers = await Promise.all(asked);
    setReasons(answers.flatMap((each) => (each.ok ? [] : each.reasons)));
  };
  const answer: Answer = (alarm) => {
    if (person) return void done(alarm);
    wanted.current = { alarm, at: now() };
    const bed = alarm.pump ?? page.live?.pumps[0]?.pump;
    if (bed) go(bedAddress(bed, "sign-in"));
  };
  useEffect(() => {
    const before = wanted.current;
    if (!person || !before) return;
    wanted.current = null;
    const still = alarms.find((alarm) => keyOf(alarm) === keyOf(before.alarm));
    if (still && now() - before.at < SIGNING_IN_MS) void done(still);
  }, [person?.badge]);

  if (page.identity !== "paired" && !first) return null;
  const panel = open && first;
  return (
    <section class={first ? `alarms alarm-${first.priority}` : "alarms alarms-none"} aria-label={say(ALARM.alarms)}>
      <div class="unseen" aria-live="assertive" role="alert">
        {first?.priority === "high" ? spoken(first) : ""}
      </div>
      <div class="unseen" aria-live="polite" role="status">
        {first && first.priority !== "high" ? spoken(first) : ""}
      </div>
      {first ? (
        <div class="alarm-first">
          <Symbol priority={first.priority} />
          <div class="alarm-text">
            <b>
              {first.pump && <span class="alarm-pump">{first.pump}</span>} {first.cause}
            </b>
            <span class="alarm-step">
              {first.raised_ts && `${since(first, page)} · `}
              {first.action}
            </span>
          </div>
          <div class="alarm-acts">
            <button
              type="button"
              class="alarm-more"
              aria-expanded={open}
              aria-controls="all-alarms"
              onClick={() => setOpen(!open)}
            >
              <span class="alarm-words">
                {open
                  ? say(ALARM.close)
                  : alarms.length > 1
                    ? say(ALARM.all, { n: alarms.length })
                    : say(ALARM.what_to_do)}
              </span>
              <span class="alarm-icon" aria-hidden="true">
                {open ? "×" : "≡"}
              </span>
            </button>
            <Acknowledge alarm={first} audible={audible} settled={settled} answer={answer} />
          </div>
        </div>
      ) : (
        <p class="alarm-first muted">{page.live ? say(ALARM.none) : ""}</p>
      )}
      {(panel || reasons.length > 0) && (
        <div class="alarm-panel">
          <Reasons reasons={reasons} title={say(ALARM.not_done)} />
          {panel && (
            <ol id="all-alarms" class="alarm-list" aria-label={say(ALARM.list)} tabIndex={0}>
              {alarms.map((alarm) => (
                <Detail key={keyOf(alarm)} page={page} alarm={alarm} audible={audible} answer={answer} />
              ))}
            </ol>
          )}
        </div>
      )}
    </section>
  );
}

const since = (alarm: Active, page: Page): string =>
  say(ALARM.since, { time: wallClock(alarm.raised_ts, page.live?.utc_offset_min) });

const spoken = (alarm: Active): string =>
  say(ALARM.spoken, {
    priority: WORD[alarm.priority],
    pump: alarm.pump ?? "",
    cause: alarm.cause,
    step: alarm.action,
  });

/** One alarm of the list: everything about it. */
function Detail({ page, alarm, audible, answer }: { page: Page; alarm: Active; audible: boolean; answer: Answer }) {
  const infusion = page.live?.pumps.find(({ pump }) => pump === alarm.pump)?.infusion;
  return (
    <li class={`alarm-${alarm.priority}`}>
      <Symbol priority={alarm.priority} />
      <div class="alarm-text">
        <b>
          {alarm.pump && <span class="alarm-pump">{alarm.pump}</span>} {alarm.cause}
        </b>
        <span>
          {alarm.raised_ts && since(alarm, page)}
          {alarm.escalated && ` · ${say(ALARM.escalated)}`}
        </span>
        <ul class="steps">
          {alarm.steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ul>
        {infusion && <span class="alarm-given">{given(infusion)}</span>}
      </div>
      <Acknowledge alarm={alarm} audible={audible} settled answer={answer} />
    </li>
  );
}

function given(infusion: Infusion): string {
  if (infusion.state === "uncertain") return say(ALARM.given_at_most, { ml: decimal(infusion.booked_ml, 2) });
  const ml = decimal(infusion.delivered_ml, 2);
  if (infusion.delivered_mg === undefined) return say(ALARM.given_ml, { ml });
  return say(ALARM.given, { mg: decimal(infusion.delivered_mg, 2), ml });
}

const MARKS: Record<Priority, number> = { high: 3, medium: 2, low: 1 };

/** As many exclamation marks as the priority has, large enough for 4 m (ALM-04), and its word. */
export function Symbol({ priority }: { priority: Priority }) {
  const marks = MARKS[priority];
  return (
    <span class="alarm-symbol">
      <svg viewBox="0 0 54 52" aria-hidden="true">
        {Array.from({ length: marks }, (_, each) => (
          <path
            key={each}
            class="alarm-mark"
            fill="currentColor"
            d={`M${27 - 9 * marks + 4 + 18 * each} 0h10v34h-10zM${27 - 9 * marks + 4 + 18 * each} 42h10v10h-10z`}
          />
        ))}
      </svg>
      <small>{WORD[priority]}</small>
    </span>
  );
}

/** One touch: it has been seen, and its sound pauses. Only what still applies is in it. */
function Acknowledge({
  alarm,
  audible,
  settled,
  answer,
}: {
  alarm: Active;
  audible: boolean;
  settled: boolean;
  answer: Answer;
}) {
  if (alarm.local) return null; // raised by this page: the gateway does not know it
  const by = alarm.acknowledged_by;
  if (seen(alarm) && !audible)
    return <span class="seen">{by ? say(ALARM.seen_by, { who: nameOf(by) }) : say(ALARM.seen)}</span>;
  const words = say(seen(alarm) ? ALARM.quiet : audible ? ALARM.acknowledge_quietly : ALARM.acknowledge);
  return (
    <button
      type="button"
      class="alarm-seen"
      aria-label={say(ALARM.of_which, { act: words, cause: alarm.cause })}
      disabled={!settled}
      onClick={() => answer(alarm)}
    >
      {audible && <BellOff />}
      <span class="alarm-words">{words}</span>
      {!seen(alarm) && (
        <span class="alarm-icon" aria-hidden="true">
          ✓
        </span>
      )}
    </button>
  );
}
