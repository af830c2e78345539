// Between the order and the review: the program is written to the pump and read back.

import { OrderAge } from "../parts/OrderAge.tsx";
import { NotReady } from "../parts/NotReady.tsx";
import { SelfTest } from "../parts/SelfTest.tsx";
import type { InfusionProps } from "../parts/props.ts";
import { say } from "../words/say.ts";
import { inWords } from "../words/terms.ts";
import { REVIEW } from "../words/texts/review.ts";

export function Preparing({ page, live, pump, infusion }: InfusionProps) {
  const waits = pump.to_identify ? REVIEW.waits_identify : REVIEW.waits_stopped;
  return (
    <section class="centre" aria-live="polite">
      <div class="pulse" aria-hidden="true" />
      <h2>{say(infusion.state === "ordered" ? waits : REVIEW.writing)}</h2>
      <p>{inWords(infusion.review, null)}</p>
      <p class="muted">
        {say(REVIEW.nothing_flows, { model: pump.model, serial: pump.serial })}
        <br />
        <OrderAge page={page} live={live} infusion={infusion} />
      </p>
      <p class="muted">{say(REVIEW.long_wait)}</p>
      <NotReady pump={pump} />
      <SelfTest live={live} pump={pump} />
    </section>
  );
}
