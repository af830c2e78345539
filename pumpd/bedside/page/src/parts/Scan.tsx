// A field for a wristband. A scanner types a token and ends with Enter or Tab; a person types on the keys or a keyboard.
// What is scanned arrives here wherever the focus is, unless a person is typing into another field, and replaces what was
// typed before.

import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Pad } from "./Pad.tsx";
import { hasScanner, sawScanner, sawToken, tokenBeginning } from "./scanner.ts";
import { APART_MS, isScan, PAUSE_MS, scannedKeys } from "../state/wristband.ts";
import { LONGEST_TEXT } from "../state/limits.ts";
import { now } from "../state/store.ts";
import { say } from "../words/say.ts";
import { BEDS } from "../words/texts/beds.ts";

interface Props {
  label: string;
  hint: string;
  /** The button for those who type by hand. */
  button: string;
  /** What the last token turned out to be. */
  verdict?: { good: boolean; text: string } | null;
  busy?: boolean;
  /** Take the focus as soon as it is on the screen. */
  waiting?: boolean;
  onScan: (token: string, scanned: boolean) => void;
  /** Something else than the last token is being typed. True: it is complete without Enter. */
  onTyping?: (text: string, paused: boolean, scanned: boolean) => boolean;
}

export function Scan({ label, hint, button, verdict, busy, waiting, onScan, onTyping }: Props) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [keys, setKeys] = useState(!hasScanner());
  const at = useRef<number[]>([]);
  const typed = useRef(""); // a scanner may be faster than the page is drawn
  const timer = useRef(0);

  const focus = () => field.current?.focus({ preventScroll: true });
  useEffect(() => {
    if (!waiting) return;
    const frame = requestAnimationFrame(focus); // after the heading
    return () => cancelAnimationFrame(frame);
  }, [waiting]);
  useLayoutEffect(() => {
    // On a button, the Enter of a scanner would press it: its first character moves the focus here. From the moment that
    // the field is seen: a busy tablet calls an effect later, and the first keys of a scan would be lost.
    const catchScan = (event: KeyboardEvent) => {
      const busyElsewhere = document.activeElement?.matches("input, select, textarea");
      const character =
        event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.altKey && !event.metaKey;
      if (character && !busyElsewhere) focus();
    };
    document.addEventListener("keydown", catchScan, true);
    return () => {
      document.removeEventListener("keydown", catchScan, true);
      clearTimeout(timer.current);
    };
  }, []);

  const clear = () => {
    at.current = [];
    typed.current = "";
    setText("");
  };
  const take = (event?: Event) => {
    event?.preventDefault();
    clearTimeout(timer.current);
    const token = typed.current.trim();
    if (busy) return clear(); // of two scans in one go the first one counts
    if (!token) return;
    const scanned = isScan(at.current);
    if (scanned) sawScanner();
    clear();
    sawToken(token);
    onScan(token, scanned);
    focus();
  };
  const change = (whole: string) => {
    if (whole.length !== typed.current.length + 1) at.current = [];
    at.current.push(now());
    const value = whole.slice(-scannedKeys(at.current));
    if (value !== whole) field.current!.value = value; // at once: the next key may come before the page is drawn
    typed.current = value;
    setText(value);
    clearTimeout(timer.current);
    onTyping?.(value.trim(), false, false);
    timer.current = window.setTimeout(() => {
      if (onTyping?.(value.trim(), true, isScan(at.current))) clear();
      else if (onTyping && scannedKeys(at.current)) timer.current = window.setTimeout(take, APART_MS - PAUSE_MS); // a scanner that ends with nothing
    }, PAUSE_MS);
  };
  const pressed = (value: string) => {
    at.current = []; // a finger is no scanner, however fast it is
    change(value);
    at.current = [];
  };
  return (
    <form class="field scan" onSubmit={take} autocomplete="off">
      <span class="scan-label">
        <label for={id}>{label}</label>
        <button
          type="button"
          class="icon"
          aria-label={say(keys ? BEDS.hide_keys : BEDS.keys)}
          aria-expanded={keys}
          onClick={() => setKeys(!keys)}
        >
          <span aria-hidden="true">⌨</span>
        </button>
      </span>
      <span class="scan-row">
        <input
          id={id}
          ref={field}
          maxLength={LONGEST_TEXT}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          inputMode={keys ? "none" : "text"}
          value={text}
          aria-describedby={`${id}-help`}
          onInput={(event) => change(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Tab" && !event.shiftKey && typed.current.trim()) take(event); // the end of a scan
          }}
        />
        <button type="submit" disabled={busy || !text.trim()}>
          {button}
        </button>
      </span>
      <small id={`${id}-help`} class="help" aria-live="polite">
        {verdict ? (
          <span class={verdict.good ? "verdict good" : "verdict wrong"} data-testid="verdict">
            <b aria-hidden="true">{verdict.good ? "✓" : "✕"}</b> {verdict.text}
          </span>
        ) : (
          hint
        )}
      </small>
      {keys && (
        <Pad
          beginning={text === "" ? tokenBeginning() : ""}
          onKey={(key) => pressed(typed.current + key)}
          onBack={() => pressed(typed.current.slice(0, -1))}
        />
      )}
    </form>
  );
}
