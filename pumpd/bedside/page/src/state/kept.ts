// A form that is being filled in survives a reload of the page, and nothing else: it belongs to one pump, one patient and
// one person, and is gone when one of them changes, when it was sent, at sign-out, and with the browser's tab.

const NAME = "form";

interface Kept {
  of: string;
  /** The badge of the person who fills it in. */
  whose: string;
  form: unknown;
}

/** A browser may block storage: then a reload empties the form, and all else works. */
function inStorage<T>(use: (storage: Storage) => T): T | null {
  try {
    return use(sessionStorage);
  } catch {
    return null;
  }
}

const found = (storage: Storage): Kept | null => JSON.parse(storage.getItem(NAME) ?? "null") as Kept | null;

/** What this person kept of exactly this form. Anything else is removed: it was another patient's, or another person's. */
export const kept = <T>(of: string, whose: string): T | null =>
  inStorage((storage) => {
    const there = found(storage);
    if (there?.of === of && there.whose === whose) return there.form as T;
    storage.removeItem(NAME);
    return null;
  });

export const keep = (of: string, whose: string, form: unknown): void =>
  void inStorage((storage) => storage.setItem(NAME, JSON.stringify({ of, whose, form } satisfies Kept)));

export const forget = (): void => void inStorage((storage) => storage.removeItem(NAME));

/** Nothing of a patient stays once another person, or nobody, is signed in. */
export const forgetUnless = (whose: string | undefined): void =>
  void inStorage((storage) => {
    if (!whose || found(storage)?.whose !== whose) storage.removeItem(NAME);
  });
