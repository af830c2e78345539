// Between the order and the review: the program is written to the pump and read back.

import { OrderAge } from "../parts/OrderAge.tsx";
import { NotReady } from "../parts/NotReady.tsx";
import { SelfTest } from "../parts/SelfTest.tsx";
import type { InfusionProps } from "../parts/props.ts";
import { inWords } from "../words/terms.ts";

export function Preparing({ page, live, pump, infusion }: InfusionProps) {
  return (
    <section class="centre" aria-live="polite">
      <div class="pulse" aria-hidden="true" />
      <h2>
        {infusion.state === "ordered"
          ? pump.to_identify
            ? "Waiting for a person to identify the pump"
            : "Waiting for the pump to stop"
          : "Writing the program to the pump and reading it back"}
      </h2>
      <p>{inWords(infusion.review, null)}</p>
      <p class="muted">
        {pump.model}, serial {pump.serial}. Nothing flows yet.
        <br />
        <OrderAge page={page} live={live} infusion={infusion} />
      </p>
      <NotReady pump={pump} />
      <SelfTest live={live} pump={pump} />
    </section>
  );
}
