// A form that is being filled in survives a reload of the page, and nothing else: it belongs to one pump, one patient and
// one person, and is gone when one of them changes, when it was sent, at sign-out, and with the browser's tab.

import { inTab } from "./storage.ts";

const NAME = "form";

interface Kept {
  of: string;
  /** The badge of the person who fills it in. */
  whose: string;
  form: unknown;
}

function there(): Kept | null {
  try {
    return JSON.parse(inTab.get(NAME) ?? "null") as Kept | null;
  } catch {
    return null; // written by something else
  }
}

export const forgetForm = (): void => inTab.remove(NAME);

/** What this person kept of exactly this form. Anything else is removed: it was another patient's, or another person's. */
export function keptForm<T>(of: string, whose: string): T | null {
  const found = there();
  if (found?.of === of && found.whose === whose) return found.form as T;
  forgetForm();
  return null;
}

export const keepForm = (of: string, whose: string, form: unknown): void =>
  inTab.set(NAME, JSON.stringify({ of, whose, form } satisfies Kept));

/** Nothing of a patient stays once another person, or nobody, is signed in. */
export function forgetFormUnless(whose: string | undefined): void {
  if (!whose || there()?.whose !== whose) forgetForm();
}
