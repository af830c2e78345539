// All beds of the gateway at a glance, each with its own Stop. The whole card opens its bed.

import { useState } from "preact/hooks";
import { SYMBOL, WORD } from "../alarm/active.ts";
import { causeOf } from "../alarm/steps.ts";
import { About } from "../parts/About.tsx";
import { useBedScan } from "../parts/bed_scan.ts";
import { known } from "../parts/known.ts";
import { Boundary } from "../parts/Boundary.tsx";
import { Ring } from "../parts/Ring.tsx";
import { StopButton } from "../parts/StopButton.tsx";
import { bedAddress } from "../state/route.ts";
import { freshness } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import type { Live, Pump } from "../state/types.ts";
import { clock, drawn, decimal, wallClock } from "../words/numbers.ts";
import { reason } from "../words/reasons.ts";
import { say } from "../words/say.ts";
import { ended, STATE } from "../words/terms.ts";
import { BEDS } from "../words/texts/beds.ts";

export function Beds({ page, live }: { page: Page; live: Live }) {
  const [staff] = useState(() => known().map(({ badge }) => badge));
  const unknown = useBedScan(live.pumps, staff, !!live.person);
  return (
    <>
      <div role="status">{unknown && <p class="note">{say(BEDS.scanned_unknown, { token: unknown })}</p>}</div>
      <ul class="beds" aria-label={say(BEDS.beds)}>
        {live.pumps.map((pump) => (
          <BedCard key={pump.pump} pump={pump} page={page} live={live} />
        ))}
      </ul>
      {live.certificate?.ending && (
        <p class="note" role="note" data-testid="certificate">
          {say(BEDS.certificate_ends, { n: Math.max(0, live.certificate.days_left) })}
        </p>
      )}
      <About page={page} />
    </>
  );
}

function BedCard({ pump, page, live }: { pump: Pump; page: Page; live: Live }) {
  const at = useNow(1000);
  return (
    <li class={`bed data-${freshness(pump, page, at)}`}>
      <Boundary name={pump.pump}>
        <BedState pump={pump} live={live} />
      </Boundary>
      <StopButton page={page} target={pump.pump} name={pump.pump} small />
    </li>
  );
}

function BedState({ pump, live }: { pump: Pump; live: Live }) {
  const { infusion } = pump;
  const alarm = [...(pump.alarms ?? [])].sort((a, b) => SYMBOL[b.priority].length - SYMBOL[a.priority].length)[0];
  const shows = infusion && !ended(infusion);
  const given = shows
    ? say(BEDS.given_of, { given: decimal(infusion.delivered_ml, 1), all: decimal(infusion.prescribed_ml) })
    : say(BEDS.no_infusion);
  return (
    <div class="bed-open">
      <div class="bed-head">
        <h2>
          <a href={bedAddress(pump.pump)} aria-label={say(BEDS.open, { bed: pump.pump })}>
            {pump.pump}
          </a>
        </h2>
        {pump.simulated && <span class="simulated">{say(BEDS.simulated)}</span>}
      </div>
      <div class="bed-body">
        <Ring
          volume={shows ? drawn(infusion.delivered_ml) / drawn(infusion.prescribed_ml) : 0}
          window={shows ? infusion.running_s / infusion.window_most_s : 0}
          least={0}
          label={given}
        >
          {shows && infusion.may_flow && <b class="digits value">{clock(infusion.remaining_s)}</b>}
        </Ring>
        <div>
          <p class="bed-state">
            {pump.problem ? say(BEDS.not_available) : infusion ? STATE[infusion.state] : say(BEDS.no_infusion)}
          </p>
          {shows && (
            <p>
              <span class="value digits">{decimal(infusion.delivered_ml, 1)}</span> {say(BEDS.of)}{" "}
              <span class="digits">{decimal(infusion.prescribed_ml)}</span> mL {infusion.review.drug}
            </p>
          )}
          {infusion?.may_flow && pump.ends_ts && (
            <p>
              {say(BEDS.ends_about)} <span class="value digits">{wallClock(pump.ends_ts, live.utc_offset_min)}</span>
            </p>
          )}
          <p class="muted">{pump.problem ? reason(pump.problem) : pump.model}</p>
        </div>
      </div>
      {alarm && (
        <p class={`bed-alarm alarm-${alarm.priority}`}>
          <b>{SYMBOL[alarm.priority]}</b>
          <span class="unseen">{say(BEDS.priority, { word: WORD[alarm.priority] })}</span> {say(causeOf(alarm.code))}
        </p>
      )}
    </div>
  );
}
