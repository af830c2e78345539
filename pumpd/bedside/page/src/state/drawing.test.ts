import assert from "node:assert/strict";
import { test } from "node:test";
import { across, between, boxOf, curve, down, marks } from "./drawing.ts";

test("a chart begins at 0, and ends a little above its highest value", () => {
  assert.deepEqual(
    boxOf(
      [0, 40],
      [
        [0, 20],
        [null, 10],
      ],
    ),
    { x: [0, 40], most: 21 },
  );
  assert.deepEqual(boxOf([], []), { x: [0, 0], most: 1 }, "nothing was given yet");
  assert.equal(boxOf([0, 1], [[0, 0.2]]).most, 1, "a hardly begun infusion does not look like a whole one");
});

test("the marks are round numbers, few, and inside", () => {
  assert.deepEqual(marks([0, 40]), [0, 10, 20, 30, 40]);
  assert.deepEqual(marks([0, 36.75]), [0, 10, 20, 30]);
  assert.deepEqual(marks([0, 1]), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(marks([12.5, 40]), [15, 20, 25, 30, 35, 40]);
  assert.deepEqual(marks([0, 0]), []);
  for (let most = 0.01; most < 5000; most *= 1.13) {
    const found = marks([0, most]);
    assert.ok(found.length >= 2 && found.length <= 7, `${most}: ${String(found)}`);
    assert.ok(found.every((each) => each >= 0 && each <= most));
  }
});

test("a curve runs from the bottom left to the top right, and passes over instants without a value", () => {
  const box = { x: [0, 40], most: 20 } as const;
  assert.equal(curve(box, [0, 10, 40], [0, null, 20]), "M0,100L100,0");
  assert.equal(curve(box, [], []), "");
  assert.deepEqual([across(box, 10), down(box, 5)], [25, 75]);
});

test("an area lies between two curves, where both have a value", () => {
  const box = { x: [0, 40], most: 20 } as const;
  assert.equal(between(box, [0, 20, 40], [0, 5, 10], [0, null, 20]), "M0,100L100,0L100,50L0,100Z");
});
