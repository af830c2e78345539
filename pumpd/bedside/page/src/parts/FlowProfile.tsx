// The programmed rate over time, as a picture with numbers.

import type { Step } from "../state/types.ts";
import { clock, drawn, decimal } from "../words/numbers.ts";
import { Said } from "./Said.tsx";
import { say } from "../words/say.ts";
import { stepSeconds, stepsText } from "../words/terms.ts";
import { OBSERVE } from "../words/texts/observe.ts";
import { TERMS } from "../words/texts/terms.ts";

const [WIDE, HIGH] = [300, 90];

export function FlowProfile({ steps }: { steps: Step[] }) {
  const total = steps.reduce((sum, step) => sum + stepSeconds(step), 0) || 1;
  const most = Math.max(...steps.map((step) => drawn(step.rate_ml_h)), 1);
  let begin = 0;
  const bars = steps.map((step) => {
    const long = stepSeconds(step);
    const bar = {
      x: (begin / total) * WIDE,
      wide: (long / total) * WIDE,
      high: (drawn(step.rate_ml_h) / most) * (HIGH - 4),
      rate: step.rate_ml_h,
    };
    begin += long;
    return bar;
  });
  return (
    <figure class="profile">
      <svg
        viewBox={`0 0 ${WIDE} ${HIGH}`}
        role="img"
        aria-label={say(OBSERVE.flow_profile, { steps: stepsText(steps) })}
        preserveAspectRatio="none"
      >
        {bars.map(({ x, wide, high }, at) => (
          <rect key={at} class="profile-bar" x={x} y={HIGH - high} width={Math.max(0, wide - 2)} height={high} rx="2" />
        ))}
      </svg>
      <figcaption>
        {steps.map((step, at) => (
          <span key={at}>
            <Said
              text={TERMS.step}
              with={{
                rate: <b class="digits">{decimal(step.rate_ml_h)}</b>,
                time: <b class="digits">{clock(stepSeconds(step))}</b>,
              }}
            />
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
