// A label with a large value, and a list of them.

import type { ComponentChildren } from "preact";

export function Fact({
  label,
  children,
  note,
  wide,
  name,
}: {
  label: string;
  children: ComponentChildren;
  note?: ComponentChildren;
  wide?: boolean;
  name?: string;
}) {
  return (
    <div class={wide ? "fact fact-wide" : "fact"} data-testid={name}>
      <dt>{label}</dt>
      <dd>
        {children}
        {note && <small>{note}</small>}
      </dd>
    </div>
  );
}

export function Facts({ children, dense }: { children: ComponentChildren; dense?: boolean }) {
  return <dl class={dense ? "facts facts-dense" : "facts"}>{children}</dl>;
}

/** A number and its unit, never on two lines. */
export function Amount({ of, unit }: { of: string; unit: string }) {
  return (
    <span class="amount">
      <b class="digits">{of}</b>&nbsp;<span class="unit">{unit}</span>
    </span>
  );
}
