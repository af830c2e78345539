// When an order was made and until when it may be started. An order has an age: then it expires (PRG-26).

import { gatewayNow } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import type { Infusion, Live } from "../state/types.ts";
import { wallClock } from "../words/numbers.ts";

export function OrderAge({ page, live, infusion }: { page: Page; live: Live; infusion: Infusion }) {
  const at = useNow(1000);
  const ordered = infusion.ordered_ts ?? infusion.review.ordered_ts;
  if (!ordered) return null;
  const wall = gatewayNow(page, at);
  const until = infusion.expires_ts;
  const expired = until != null && wall !== null && wall >= Date.parse(until);
  return (
    <span class={expired ? "bad" : undefined} data-testid="order-age">
      ordered <span class="digits">{wallClock(ordered, live.utc_offset_min)}</span>
      {until && (
        <>
          , {expired ? "expired" : "valid until"} <span class="digits">{wallClock(until, live.utc_offset_min)}</span>
        </>
      )}
    </span>
  );
}
