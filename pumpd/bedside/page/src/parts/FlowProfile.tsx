// The programmed rate over time, as a picture with numbers.

import type { Step } from "../state/types.ts";
import { clock, drawn, decimal } from "../words/numbers.ts";
import { stepSeconds } from "../words/terms.ts";

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
  const text = steps.map((step) => `${decimal(step.rate_ml_h)} mL/h for ${clock(stepSeconds(step))}`).join(", then ");
  return (
    <figure class="profile">
      <svg viewBox={`0 0 ${WIDE} ${HIGH}`} role="img" aria-label={`Flow profile: ${text}`} preserveAspectRatio="none">
        {bars.map(({ x, wide, high }, at) => (
          <rect key={at} class="profile-bar" x={x} y={HIGH - high} width={Math.max(0, wide - 2)} height={high} rx="2" />
        ))}
      </svg>
      <figcaption>
        {steps.map((step, at) => (
          <span key={at}>
            <b class="digits">{decimal(step.rate_ml_h)}</b> mL/h for <b class="digits">{clock(stepSeconds(step))}</b>
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
