// Keeps the screen on while the page is visible. The browser releases the lock whenever the page is hidden.

let lock: WakeLockSentinel | null = null;

async function ask(): Promise<void> {
  if (!("wakeLock" in navigator) || document.visibilityState !== "visible" || (lock && !lock.released)) return;
  lock = await navigator.wakeLock.request("screen").catch(() => null);
}

export function stayAwake(): void {
  void ask();
  document.addEventListener("visibilitychange", () => void ask());
  addEventListener("pointerdown", () => void ask());
}
