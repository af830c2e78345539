// What an order means: dose, volume, rate and duration, as the gateway planned them; and the soft limits it exceeds.

import { Amount } from "./Facts.tsx";
import type { Review, SoftLimit } from "../state/types.ts";
import { clock, decimal } from "../words/numbers.ts";
import { rates, reasonOf } from "../words/terms.ts";

export function Outcome({ review }: { review: Review }) {
  return (
    <dl class="outcome">
      <div>
        <dt>Dose</dt>
        <dd>
          <Amount of={decimal(review.dose_mg)} unit="mg" />
        </dd>
      </div>
      <div>
        <dt>Volume</dt>
        <dd>
          <Amount of={decimal(review.vtbi_ml)} unit="mL" />
        </dd>
      </div>
      <div>
        <dt>Rate</dt>
        <dd>{rates(review)}</dd>
      </div>
      <div>
        <dt>Duration</dt>
        <dd>
          <Amount of={clock(review.duration_s)} unit="min" />
        </dd>
      </div>
    </dl>
  );
}

/** Asked once more before an order outside the soft limits is sent. */
export function Anyway({ soft, overrides }: { soft: SoftLimit[]; overrides: Record<string, string> }) {
  return (
    <div class="note" role="alert">
      <b>Outside the expected limits:</b>
      <ul>
        {soft.map((each) => (
          <li key={each.id}>
            {reasonOf(each.text).text}: “{overrides[each.id]}”
          </li>
        ))}
      </ul>
      <p>Order it anyway?</p>
    </div>
  );
}
