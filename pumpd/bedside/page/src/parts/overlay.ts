// What is laid over the screen for a moment, a help text or a menu: a touch elsewhere or Escape closes it.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** `root`: the key and what it opens. A touch within does not close it; the touch that closes it does what it does anyway. */
export function useOverlay() {
  const root = useRef<HTMLDivElement>(null);
  const key = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const close = () => {
    if (root.current?.contains(document.activeElement)) key.current?.focus({ preventScroll: true });
    setOpen(false);
  };
  useLayoutEffect(() => {
    if (!open) return undefined;
    const escape = (event: KeyboardEvent) => event.key === "Escape" && close();
    const elsewhere = (event: Event) => root.current?.contains(event.target as Node) || setOpen(false);
    addEventListener("keydown", escape);
    addEventListener("pointerdown", elsewhere, true);
    return () => {
      removeEventListener("keydown", escape);
      removeEventListener("pointerdown", elsewhere, true);
    };
  }, [open]);
  return { root, key, open, close, toggle: () => (open ? close() : setOpen(true)) };
}
