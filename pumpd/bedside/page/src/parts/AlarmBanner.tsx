// Alarms, always on top: the highest with its cause and what to do, and a button for the list of all active ones.
// Acknowledging records who has seen an alarm. It clears and silences nothing.

import { useState } from "preact/hooks";
import { activeAlarms, pauseLeft, SYMBOL, WORD, type Active } from "../alarm/active.ts";
import { bedAddress, go } from "../state/route.ts";
import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import { wallClock } from "../words/numbers.ts";
import { nameOf } from "../words/terms.ts";
import { act } from "../wire/connection.ts";
import { BellOff } from "./Badges.tsx";
import { Reasons } from "./Reasons.tsx";

export function AlarmBanner({ page }: { page: Page }) {
  const at = useNow(500);
  const [open, setOpen] = useState(false);
  const [reasons, setReasons] = useState<string[]>([]);
  const alarms = activeAlarms(page, at);
  const first = alarms[0];
  const person = page.live?.person ?? null;
  const bed = first?.pump ?? page.live?.pumps[0]?.pump;
  const asked = async (op: string, fields: Record<string, unknown> = {}) => {
    if (!person && bed) return go(bedAddress(bed, "sign-in"));
    const answer = await act(op, fields);
    setReasons(answer.ok ? [] : answer.reasons);
  };
  return (
    <>
      <div class="unseen" aria-live="assertive" role="alert">
        {first?.priority === "high" ? spoken(first) : ""}
      </div>
      <div class="unseen" aria-live="polite" role="status">
        {first && first.priority !== "high" ? spoken(first) : ""}
      </div>
      {first && (
        <section class={`alarms alarm-${first.priority}`} aria-label="Alarms">
          <div class="alarm-first">
            <Symbol alarm={first} />
            <div class="alarm-text">
              <b>
                {first.pump && <span class="alarm-pump">{first.pump}</span>} {first.cause}
              </b>
              <span>{first.action}</span>
            </div>
            <div class="alarm-acts">
              {alarms.length > 1 && (
                <button type="button" aria-expanded={open} aria-controls="all-alarms" onClick={() => setOpen(!open)}>
                  {open ? "Hide list" : `All ${alarms.length} alarms`}
                </button>
              )}
              <Acknowledge alarm={first} asked={asked} />
              {pauseLeft(page, at) <= 0 && (
                <button type="button" onClick={() => void asked("pause_audio")}>
                  <BellOff /> Pause sound
                </button>
              )}
            </div>
          </div>
          <Reasons reasons={reasons} />
          {open && alarms.length > 1 && (
            <ol id="all-alarms" class="alarm-list" aria-label="All active alarms" tabIndex={0}>
              {alarms.map((alarm) => (
                <li key={`${alarm.pump}/${alarm.code}`} class={`alarm-${alarm.priority}`}>
                  <Symbol alarm={alarm} />
                  <div class="alarm-text">
                    <b>
                      {alarm.pump && <span class="alarm-pump">{alarm.pump}</span>} {alarm.cause}
                    </b>
                    <span>
                      {alarm.action}
                      {alarm.raised_ts && ` · since ${wallClock(alarm.raised_ts, page.live?.utc_offset_min)}`}
                      {alarm.escalated && " · escalated"}
                    </span>
                  </div>
                  <Acknowledge alarm={alarm} asked={asked} />
                </li>
              ))}
            </ol>
          )}
        </section>
      )}
    </>
  );
}

const spoken = (alarm: Active) =>
  `${WORD[alarm.priority]} priority alarm. ${alarm.pump ?? ""} ${alarm.cause}. ${alarm.action}.`;

function Symbol({ alarm }: { alarm: Active }) {
  return (
    <span class="alarm-symbol">
      <b aria-hidden="true">{SYMBOL[alarm.priority]}</b>
      <small>{WORD[alarm.priority]}</small>
    </span>
  );
}

function Acknowledge({
  alarm,
  asked,
}: {
  alarm: Active;
  asked: (op: string, fields: Record<string, unknown>) => Promise<void>;
}) {
  if (alarm.local) return null; // raised by this page: the gateway does not know it
  if (alarm.acknowledged_ts || alarm.acknowledged_by)
    return <span class="seen">Seen by {nameOf(alarm.acknowledged_by ?? "a nurse")}</span>;
  return (
    <button
      type="button"
      aria-label={`Acknowledge: ${alarm.cause}`}
      onClick={() => void asked("acknowledge", { pump: alarm.pump ?? "", code: alarm.code })}
    >
      Acknowledge
    </button>
  );
}
