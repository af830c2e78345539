// given + left = ordered, as it is shown, over many values.

import assert from "node:assert/strict";
import { test } from "node:test";
import { shares } from "./shares.ts";

/** The number of ten-thousandths of a millionth, so that a sum is exact. */
const exact = (text: string): bigint => {
  const [whole = "", rest = ""] = text.split(".");
  return BigInt(whole + rest.padEnd(9, "0"));
};

test("given and left are the order, cut at any place, for many volumes", () => {
  let checked = 0;
  for (const ordered of ["35", "35.00", "0.5", "52.5", "17.25", "3.333", "100", "0.07", "1234.5678"])
    for (const places of [0, 1, 2])
      for (let part = 0; part <= 997; part += 1) {
        const given = String(Number(((Number(ordered) * part) / 997).toFixed(6)));
        if (given.includes("e")) continue;
        const shown = shares(given, ordered, places)!;
        assert.equal(exact(shown.given) + exact(shown.left), exact(shown.ordered), `${given} of ${ordered}`);
        assert.equal(exact(shown.ordered), exact(ordered));
        assert.ok(exact(shown.given) <= exact(given), "given is never rounded up");
        assert.ok(exact(given) === 0n || exact(shown.given) > 0n, "a small amount is not shown as none");
        checked += 1;
      }
  assert.ok(checked > 20_000);
});

test("it is cut at the places asked for, where that is enough", () => {
  assert.deepEqual(shares("14.672", "35", 1), { given: "14.6", left: "20.4", ordered: "35.0", over: null });
  assert.deepEqual(shares("0.04", "35", 1), { given: "0.04", left: "34.96", ordered: "35.00", over: null });
  assert.deepEqual(shares("0", "35", 1), { given: "0.0", left: "35.0", ordered: "35.0", over: null });
});

test("more than ordered is said, and nothing is left", () => {
  assert.deepEqual(shares("35.24", "35", 1), { given: "35.2", left: "0.0", ordered: "35.0", over: "0.2" });
});

test("without numbers there is nothing to show", () => {
  assert.equal(shares("–", "35", 1), null);
  assert.equal(shares("1", undefined, 1), null);
});
