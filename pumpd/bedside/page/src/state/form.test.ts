import assert from "node:assert/strict";
import { test } from "node:test";
import { forgetForm, forgetFormUnless, keepForm, keptForm } from "./form.ts";

const stored = new Map<string, string>();
Object.defineProperty(globalThis, "sessionStorage", {
  configurable: true,
  value: {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
    removeItem: (name: string) => void stored.delete(name),
  },
});

test("a form comes back for its pump, patient and person only, and another one removes it", () => {
  for (const [of, whose] of [
    ["order bed1 P-2", "1001"],
    ["order bed1 P-1", "1002"],
  ] as const) {
    keepForm("order bed1 P-1", "1001", { weight: "70" });
    assert.deepEqual(keptForm("order bed1 P-1", "1001"), { weight: "70" });
    assert.equal(keptForm(of, whose), null);
    assert.equal(stored.size, 0);
  }
});

test("it is gone when it was sent, and when another person or nobody is signed in", () => {
  for (const act of [forgetForm, () => forgetFormUnless(undefined), () => forgetFormUnless("1002")]) {
    keepForm("order bed1 P-1", "1001", { weight: "70" });
    forgetFormUnless("1001");
    assert.equal(stored.size, 1);
    act();
    assert.equal(stored.size, 0);
  }
});

test("what something else wrote there is no form", () => {
  stored.set("form", "{no json");
  assert.equal(keptForm("order bed1 P-1", "1001"), null);
});
