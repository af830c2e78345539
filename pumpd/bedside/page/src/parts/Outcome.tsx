// What an order means: dose, volume, rate and duration, as the gateway planned them; and the soft limits it exceeds.

import { Amount } from "./Facts.tsx";
import type { Review, SoftLimit } from "../state/types.ts";
import { clock, decimal } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { rates, reasonOf } from "../words/terms.ts";
import { ORDER } from "../words/texts/order.ts";

export function Outcome({ review }: { review: Review }) {
  return (
    <dl class="outcome">
      <div>
        <dt>{say(ORDER.dose)}</dt>
        <dd>
          <Amount of={decimal(review.dose_mg)} unit="mg" />
        </dd>
      </div>
      <div>
        <dt>{say(ORDER.volume)}</dt>
        <dd>
          <Amount of={decimal(review.vtbi_ml)} unit="mL" />
        </dd>
      </div>
      <div>
        <dt>{say(ORDER.rate)}</dt>
        <dd>{rates(review)}</dd>
      </div>
      <div>
        <dt>{say(ORDER.duration)}</dt>
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
      <b>{say(ORDER.outside)}</b>
      <ul>
        {soft.map((each) => (
          <li key={each.id}>
            {reasonOf(each.text).text}: “{overrides[each.id]}”
          </li>
        ))}
      </ul>
      <p>{say(ORDER.anyway)}</p>
    </div>
  );
}
