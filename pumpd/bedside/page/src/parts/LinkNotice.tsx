// Without a link: what the pump last did, what ends its flow if the gateway is gone, and where to go.

import { silence, OLD_S } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import { Said } from "./Said.tsx";
import { say } from "../words/say.ts";
import { lossOfControlSentence, lastReport } from "../words/terms.ts";
import { FRAME } from "../words/texts/frame.ts";
import { reason } from "../words/reasons.ts";

export function LinkNotice({ page, pump }: { page: Page; pump: string | null }) {
  const at = useNow(1000);
  const quiet = silence(page, at);
  if (quiet === null || quiet < OLD_S || !page.live) return null;
  const pumps = page.live.pumps.filter((each) => pump === null || each.pump === pump);
  return (
    <section class="lost" role="alert" aria-label={say(FRAME.link_lost)}>
      <h2>{say(FRAME.go_to_pump)}</h2>
      <p>
        {(page.away && reason(page.away)) ?? say(FRAME.no_link_here)}{" "}
        <Said text={FRAME.last_news} with={{ age: <b class="digits">{Math.floor(quiet)} s</b> }} />
      </p>
      <ul>
        {pumps.map((each) => (
          <li key={each.pump}>
            <b>{each.pump}.</b> {lastReport(each, page.live?.utc_offset_min)}
            {each.infusion?.may_flow && (
              <>
                {" "}
                {say(FRAME.gateway_fails_too, {
                  what: lossOfControlSentence(
                    each.loss_of_control ?? each.infusion.review.loss_of_control,
                    each.loss_of_control_text,
                  ),
                })}
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
