// An order that is being filled in: a reload keeps it, and the page reminds of it when it is left (ALM-09).

import { useEffect, useState } from "preact/hooks";
import { forgetForm, keepForm, keptForm } from "../state/form.ts";
import { dispatch } from "../state/store.ts";

interface Of {
  /** Which form it is: it comes back for the same pump and patient only. */
  form: string;
  pump: string;
  patient: string;
  /** The badge of the person; empty while nobody is signed in. */
  whose: string;
}

export interface Drafting<T> {
  draft: T;
  change: (to: T) => void;
  /** A touch of the form: it is not forgotten. */
  touched: () => void;
  /** It was sent: nothing of it is kept. */
  sent: () => void;
}

/** A draft that begins as `blank`, or as it was before a reload. Another pump, patient or person needs another key. */
export function useDrafting<T>({ form, pump, patient, whose }: Of, blank: T): Drafting<T> {
  const of = JSON.stringify([form, pump, patient]);
  const [draft, setDraft] = useState<T>(() => (whose ? keptForm<T>(of, whose) : null) ?? blank);
  const touched = () => dispatch({ kind: "drafting", pump: draft === blank ? null : pump });
  useEffect(() => {
    touched();
    return () => dispatch({ kind: "drafting", pump: null });
  }, [draft]);
  const change = (to: T) => {
    setDraft(to);
    if (whose) keepForm(of, whose, to);
  };
  return { draft, change, touched, sent: forgetForm };
}
