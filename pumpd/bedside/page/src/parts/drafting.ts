// An order that is being filled in: the page reminds of it when it is left (ALM-09).

import { useEffect } from "preact/hooks";
import { dispatch } from "../state/store.ts";

/** `draft` of a form, `blank` while nothing was filled in. Returns what a touch of the form does. */
export function useDrafting<T>(pump: string, draft: T, blank: T): () => void {
  const touched = () => dispatch({ kind: "drafting", pump: draft === blank ? null : pump });
  useEffect(() => {
    touched();
    return () => dispatch({ kind: "drafting", pump: null });
  }, [draft]);
  return touched;
}
