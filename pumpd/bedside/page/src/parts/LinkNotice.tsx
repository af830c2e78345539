// Without a link: what the pump last did, what ends its flow if the gateway is gone, and where to go.

import { silence, OLD_S } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import { lossOfControlSentence, lastReport } from "../words/terms.ts";
import { reason } from "../words/reasons.ts";

export function LinkNotice({ page, pump }: { page: Page; pump: string | null }) {
  const at = useNow(1000);
  const quiet = silence(page, at);
  if (quiet === null || quiet < OLD_S || !page.live) return null;
  const pumps = page.live.pumps.filter((each) => pump === null || each.pump === pump);
  return (
    <section class="lost" role="alert" aria-label="Link lost">
      <h2>Go to the pump</h2>
      <p>
        {(page.away && reason(page.away)) ?? "This tablet has no link to the gateway."} Last news{" "}
        <b class="digits">{Math.floor(quiet)} s</b> ago. An infusion continues without the tablet, and the gateway still
        monitors the pump.
      </p>
      <ul>
        {pumps.map((each) => (
          <li key={each.pump}>
            <b>{each.pump}.</b> {lastReport(each, page.live?.utc_offset_min)}
            {each.infusion?.may_flow && (
              <>
                {" "}
                If the gateway fails as well,{" "}
                {lower(
                  lossOfControlSentence(
                    each.loss_of_control ?? each.infusion.review.loss_of_control,
                    each.loss_of_control_text,
                  ),
                )}
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
