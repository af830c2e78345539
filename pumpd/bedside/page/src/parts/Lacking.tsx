// Why the button below is grey: what a form still needs.

import { say } from "../words/say.ts";
import { ORDER } from "../words/texts/order.ts";

export const Lacking = ({ of }: { of: readonly string[] }) => (
  // its room is kept, so that the button stays where it is
  <p class={of.length ? "muted" : "muted not-this"} role="status">
    {say(ORDER.needed, { fields: of.join(", ") })}
  </p>
);
