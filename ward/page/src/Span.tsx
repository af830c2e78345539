// From when to when, and on which gateway: the same fields on each screen that looks back.
// A field belongs to the person who types until it is left: an answer that comes meanwhile must not put back its old text.

import { useState } from "preact/hooks";
import { fromLocalInput, localInput } from "./words.ts";

export interface Chosen {
  from: string;
  to: string;
  gateway: string;
}

export function useSpan(): [Chosen, preact.JSX.Element] {
  const [from, setFrom] = useState(() => localInput(new Date(Date.now() - 86_400_000)));
  const [to, setTo] = useState("");
  const [gateway, setGateway] = useState("");
  const typed = (set: (text: string) => void) => (event: Event) => set((event.currentTarget as HTMLInputElement).value);
  const fields = (
    <>
      <label>
        From
        <input type="datetime-local" defaultValue={from} onChange={typed(setFrom)} required />
      </label>
      <label>
        To (empty: now)
        <input type="datetime-local" defaultValue={to} onChange={typed(setTo)} />
      </label>
      <label>
        Gateway (empty: all)
        <input defaultValue={gateway} onChange={typed(setGateway)} spellcheck={false} />
      </label>
    </>
  );
  return [{ from: fromLocalInput(from), to: fromLocalInput(to), gateway: gateway.trim() }, fields];
}
