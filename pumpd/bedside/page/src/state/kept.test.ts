import assert from "node:assert/strict";
import { test } from "node:test";
import { forget, forgetUnless, keep, kept } from "./kept.ts";

class Memory {
  values = new Map<string, string>();
  getItem = (name: string) => this.values.get(name) ?? null;
  setItem = (name: string, value: string) => void this.values.set(name, value);
  removeItem = (name: string) => void this.values.delete(name);
}

const put = (storage: unknown) =>
  Object.defineProperty(globalThis, "sessionStorage", { value: storage, configurable: true });

test("a form comes back for its pump, patient and person only, and another one removes it", () => {
  const memory = new Memory();
  put(memory);
  for (const [of, whose] of [
    ["order bed1 P-2", "1001"],
    ["order bed1 P-1", "1002"],
  ] as const) {
    keep("order bed1 P-1", "1001", { weight: "70" });
    assert.deepEqual(kept("order bed1 P-1", "1001"), { weight: "70" });
    assert.equal(kept(of, whose), null);
    assert.equal(memory.values.size, 0);
  }
});

test("it is gone when it was sent, and when another person or nobody is signed in", () => {
  const memory = new Memory();
  put(memory);
  const acts = [forget, () => forgetUnless(undefined), () => forgetUnless("1002")];
  for (const act of acts) {
    keep("order bed1 P-1", "1001", { weight: "70" });
    forgetUnless("1001");
    assert.equal(memory.values.size, 1);
    act();
    assert.equal(memory.values.size, 0);
  }
});

test("blocked or broken storage keeps nothing and breaks nothing", () => {
  Object.defineProperty(globalThis, "sessionStorage", {
    get: () => {
      throw new Error("denied");
    },
    configurable: true,
  });
  keep("a", "1001", 1);
  forget();
  forgetUnless(undefined);
  assert.equal(kept("a", "1001"), null);
  const memory = new Memory();
  memory.setItem("form", "{no json");
  put(memory);
  assert.equal(kept("a", "1001"), null);
});
