// The main act of a screen, in the fixed bar. While it is not possible, the button says why.

interface Props {
  label: string;
  /** Why it is not possible now; null when it is. */
  why: string | null;
  onAct: () => void;
}

export function Act({ label, why, onAct }: Props) {
  return (
    <button type="button" class="primary act" disabled={why !== null} onClick={onAct}>
      <span>{label}</span> {why && <small>{why}</small>}
    </button>
  );
}
