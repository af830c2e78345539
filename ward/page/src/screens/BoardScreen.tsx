// All beds at a glance, the most urgent first.

import type { Alarm, Bed, Board, Gateway } from "../ask.ts";
import { duration, MARKS, number, STATES } from "../words.ts";

export function BoardScreen({ board }: { board: Board | null }) {
  if (!board) return <p class="waiting">Waiting for the first board …</p>;
  const alarms = [...board.beds, ...board.gateways].flatMap((each) => each.alarms);
  const count = (priority: string) => alarms.filter((each) => each.priority === priority).length;
  const silent = board.gateways.filter((each) => each.silent);
  const twice = board.gateways.filter((each) => each.twice);
  const own = board.gateways.filter((each) => each.alarms.length > 0);
  const bedless = board.gateways.filter((each) => !board.beds.some((bed) => bed.gateway === each.gateway));
  return (
    <>
      <h1 class="unseen">Beds</h1>
      <ul class="counts" aria-label="Summary">
        <li class={silent.length ? "silent-count" : ""}>
          <b>{silent.length}</b> silent
        </li>
        {twice.length > 0 && (
          <li class="silent-count">
            <b>{twice.length}</b> with one name twice
          </li>
        )}
        {["high", "medium", "low"].map((priority) => (
          <li key={priority} class={count(priority) ? `alarm-${priority} alarm-count` : ""}>
            <b>{count(priority)}</b> {MARKS[priority]} {priority}
          </li>
        ))}
        <li>
          <b>{board.beds.filter((each) => each.state === "running" && !unknown(each)).length}</b> running
        </li>
        <li>
          <b>{board.beds.length}</b> {board.beds.length === 1 ? "bed" : "beds"}
        </li>
      </ul>
      {own.length > 0 && (
        <section aria-labelledby="gateways-title" class="gateway-alarms">
          <h2 id="gateways-title">Gateways with an alarm of their own</h2>
          <ul>
            {own.map((each) => (
              <li key={each.gateway}>
                <b>{each.gateway}</b>
                <Alarms alarms={each.alarms} />
              </li>
            ))}
          </ul>
        </section>
      )}
      <ul class="beds" aria-label="Beds">
        {bedless
          .filter((each) => each.silent)
          .map((each) => (
            <BedlessCard key={each.gateway} gateway={each} />
          ))}
        {board.beds.map((bed) => (
          <BedCard key={`${bed.gateway}/${bed.pump}`} bed={bed} />
        ))}
        {bedless
          .filter((each) => !each.silent)
          .map((each) => (
            <BedlessCard key={each.gateway} gateway={each} />
          ))}
      </ul>
      {board.beds.length === 0 && <p class="waiting">No pump has reported yet.</p>}
    </>
  );
}

function BedlessCard({ gateway }: { gateway: Gateway }) {
  return (
    <li class={`bed${gateway.silent || gateway.twice ? " silent" : ""}`}>
      <div class="bed-head">
        <b>{gateway.gateway}</b>
        <span>no pump has reported</span>
      </div>
      {gateway.silent && <Silent gateway={gateway} />}
      {gateway.twice && <Twice />}
    </li>
  );
}

function BedCard({ bed }: { bed: Bed }) {
  return (
    <li class={`bed${unknown(bed) ? " silent" : ""}`}>
      <a href={`#/bed/${encodeURIComponent(bed.gateway)}/${encodeURIComponent(bed.pump)}`}>
        <div class="bed-head">
          <b>
            {bed.gateway} <span class="muted">{bed.pump}</span>
          </b>
          <State bed={bed} />
        </div>
        {bed.silent && <Silent gateway={bed} />}
        {bed.twice && <Twice />}
        <Alarms alarms={bed.alarms} />
        <dl class={`digits values${unknown(bed) || bed.old ? " old" : ""}`}>
          <div>
            <dt>Rate</dt>
            <dd>{number(bed.rate_ml_h, "mL/h")}</dd>
          </div>
          <div>
            <dt>Given</dt>
            <dd>{number(bed.volume_infused_ml, "mL", 2)}</dd>
          </div>
          <div>
            <dt>Left</dt>
            <dd>{number(bed.volume_remaining_ml, "mL", 2)}</dd>
          </div>
          <div>
            <dt>Left, about</dt>
            <dd>{duration(bed.remaining_s)}</dd>
          </div>
        </dl>
        <p class={`digits age${bed.old ? " bad" : " muted"}`}>
          {bed.age_s === null ? "No reading yet" : `Reading ${duration(bed.age_s)} old`}
          {bed.simulated && <span class="simulated">SIMULATED</span>}
        </p>
      </a>
    </li>
  );
}

function Silent({ gateway }: { gateway: Gateway }) {
  return (
    <p class="silent-note">
      <b>Silent</b> for {duration(gateway.age_s)}: its state is not known. Go to the pump.
    </p>
  );
}

/** Whether what is shown of a bed may be true no more. */
export const unknown = (bed: Bed): boolean => bed.silent || bed.twice;

export function State({ bed }: { bed: Bed }) {
  const name = bed.state ? (STATES[bed.state] ?? bed.state) : "no infusion";
  if (unknown(bed)) return <span class="state unknown">last: {name}</span>;
  return <span class={`state state-${bed.state ?? "none"}`}>{name}</span>;
}

export function Twice() {
  return (
    <p class="silent-note">
      <b>Two machines</b> send under this name. The values are of one of them, the alarms of both. Go to the pumps.
    </p>
  );
}

export function Alarms({ alarms }: { alarms: Alarm[] }) {
  if (alarms.length === 0) return null;
  return (
    <ul class="alarms-of">
      {alarms.map((each) => (
        <li key={`${each.code}/${each.raised_at}`} class={`bed-alarm alarm-${each.priority}`}>
          <b aria-hidden="true">{MARKS[each.priority]}</b>
          <span class="unseen">{each.priority} priority: </span>
          {each.cause || each.code}
          {each.escalated_at && " · escalated"}
          {each.acknowledged_at && " · acknowledged"}
        </li>
      ))}
    </ul>
  );
}
