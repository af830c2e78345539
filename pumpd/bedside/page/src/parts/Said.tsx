// A message with something in it that is more than text: bold digits, a link. `say()` is for those without.

import type { ComponentChildren } from "preact";
import { cutAtHoles, type Text } from "../words/say.ts";

/** `with`: what goes into each `{hole}`. `n`: chooses the form for one or more. */
export function Said({ text, with: filled, n }: { text: Text; with: Record<string, ComponentChildren>; n?: number }) {
  return <>{cutAtHoles(text, n).map((piece, at) => (at % 2 ? (filled[piece] ?? `{${piece}}`) : piece))}</>;
}
