// The main act of a screen, in the fixed bar. While it is not possible, the button says why.

import { say } from "../words/say.ts";
import { REVIEW } from "../words/texts/review.ts";

interface Props {
  label: string;
  /** Why it is not possible now; null when it is. */
  why: string | null;
  /** What the label leaves open, while it is possible. */
  note?: string;
  onAct: () => void;
}

export function Act({ label, why, note, onAct }: Props) {
  const below = why ?? note;
  return (
    <button type="button" class="primary act" disabled={why !== null} onClick={onAct}>
      <span>{label}</span> {below && <small>{below}</small>}
    </button>
  );
}

/** An act of nurses, for a person who only looks or prescribes. */
export const NotMine = ({ label }: { label: string }) => (
  <Act label={label} why={say(REVIEW.grey_role)} onAct={() => undefined} />
);
