// A component's class without a rule is a part of the screen that lost its looks, and no other test sees that.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const src = join(import.meta.dirname, "..");
const read = (ending: string): string[] =>
  readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(src, name), "utf8"));

/** Names for tests and scripts, which need no looks. */
const PLAIN = new Set(["about", "alarm-mark", "guide-root", "key-delivered", "languages", "scan"]);

test("every class of a component has a rule", () => {
  const styled = new Set(read(".css").flatMap((css) => [...css.matchAll(/\.([a-z][\w-]*)/g)].map(([, name]) => name!)));
  const used = read(".tsx").flatMap((part) =>
    [...part.matchAll(/class="([^"]+)"/g)].flatMap(([, all]) => all!.split(" ")),
  );
  assert.ok(used.includes("ring-words"));
  assert.deepEqual([...new Set(used.filter((name) => !styled.has(name) && !PLAIN.has(name)))], []);
});
