// Every reason why something was refused.

import { reasonOf, sentence } from "../words/terms.ts";

export function Reasons({ reasons, title }: { reasons: readonly string[]; title?: string }) {
  return (
    <div role="alert" class={reasons.length ? "reasons" : undefined}>
      {reasons.length > 0 && title && <b>{title}</b>}
      {reasons.length > 0 && (
        <ul>
          {reasons.map((reason) => (
            <li key={reason}>{sentence(reasonOf(reason).text)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
