// When an order was made and until when it may be started. An order has an age: then it expires (PRG-26).

import { gatewayNow } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import type { Infusion, Live } from "../state/types.ts";
import { wallClock } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { REVIEW } from "../words/texts/review.ts";

export function OrderAge({ page, live, infusion }: { page: Page; live: Live; infusion: Infusion }) {
  const at = useNow(1000);
  const ordered = infusion.ordered_ts ?? infusion.review.ordered_ts;
  if (!ordered) return null;
  const wall = gatewayNow(page, at);
  const ends = infusion.expires_ts;
  const expired = ends != null && wall !== null && wall >= Date.parse(ends);
  const [time, until] = [wallClock(ordered, live.utc_offset_min), wallClock(ends, live.utc_offset_min)];
  return (
    <span class={expired ? "digits bad" : "digits"} data-testid="order-age">
      {say(ends == null ? REVIEW.ordered : expired ? REVIEW.expired : REVIEW.valid_until, { time, until })}
    </span>
  );
}
