// A field for a barcode scanner, which types a token and Enter. It keeps the focus. Typing by hand works too.

import { useEffect, useId, useRef, useState } from "preact/hooks";

interface Props {
  label: string;
  hint: string;
  /** The button for those who type by hand. */
  button?: string;
  /** The last token, while it is still needed. */
  scanned?: string;
  busy?: boolean;
  /** Take the focus as soon as it is on the screen. */
  waiting?: boolean;
  onScan: (token: string) => void;
}

export function Scan({ label, hint, button, scanned, busy, waiting, onScan }: Props) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  useEffect(() => {
    if (!waiting) return;
    const frame = requestAnimationFrame(() => field.current?.focus({ preventScroll: true })); // after the heading
    return () => cancelAnimationFrame(frame);
  }, [waiting]);
  const take = (event: Event) => {
    event.preventDefault();
    const token = text.trim();
    if (!token || busy) return;
    setText("");
    onScan(token);
    field.current?.focus({ preventScroll: true });
  };
  return (
    <form class="field scan" onSubmit={take} autocomplete="off">
      <label for={id}>{label}</label>
      <span class="scan-row">
        <input
          id={id}
          ref={field}
          maxLength={200}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={text}
          aria-describedby={`${id}-help`}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {button && (
          <button type="submit" disabled={busy || !text.trim()}>
            {button}
          </button>
        )}
      </span>
      <small id={`${id}-help`} class="help" aria-live="polite">
        {scanned ? (
          <>
            Scanned: <b data-testid="scanned">{scanned}</b>
          </>
        ) : (
          hint
        )}
      </small>
    </form>
  );
}
