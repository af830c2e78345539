import assert from "node:assert/strict";
import { test } from "node:test";
import { inTab, onTablet } from "./storage.ts";

test("without storage, a value is kept for as long as the page is open", () => {
  for (const kept of [onTablet, inTab]) {
    Object.defineProperty(globalThis, kept === onTablet ? "localStorage" : "sessionStorage", {
      configurable: true,
      get: () => {
        throw new DOMException("denied", "SecurityError");
      },
    });
    assert.equal(kept.get("theme"), null);
    kept.set("theme", "night");
    assert.equal(kept.get("theme"), "night");
    kept.remove("theme");
    assert.equal(kept.get("theme"), null);
  }
});

test("with storage, a value is there after a reload, and two names do not meet", () => {
  const stored = new Map<string, string>([["left", "by an earlier page"]]);
  const storage = {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => stored.set(name, value),
    removeItem: (name: string) => stored.delete(name),
  };
  Object.defineProperty(globalThis, "localStorage", { configurable: true, value: storage });
  assert.equal(onTablet.get("left"), "by an earlier page");
  onTablet.set("language", "de");
  assert.equal(stored.get("language"), "de");
  onTablet.remove("left");
  assert.deepEqual([...stored], [["language", "de"]]);
});
