import assert from "node:assert/strict";
import { test } from "node:test";
import { curves, givenBefore } from "./curves.ts";
import type { Point } from "./types.ts";

const points = (...volumes: [number, number][]): Point[] => volumes.map(([at, ml]) => [at, ml, 60, null]);

test("the programmed curve has the corners of the steps, on one axis with the delivered volume", () => {
  const steps = [
    { rate_ml_h: "30", volume_ml: "5" },
    { rate_ml_h: "60", volume_ml: "30" },
  ];
  const [minutes, programmed, delivered] = curves(steps, points([300, 2.4]), 0);
  assert.deepEqual(minutes, [0, 5, 10, 40]);
  assert.deepEqual(programmed, [0, 2.5, 5, 35]);
  assert.deepEqual(delivered, [null, 2.4, null, null]);
});

test("after a pause the rest begins when flow began again, at the volume given before", () => {
  const [minutes, programmed] = curves(
    [{ rate_ml_h: "60", volume_ml: "10" }],
    points([0, 0], [60, 1], [120, 1], [180, 2]),
    1,
  );
  assert.deepEqual(minutes, [0, 1, 2, 3, 12]);
  assert.deepEqual(programmed, [null, null, 1, 2, 11]);
});

test("the curve of the rest of a treatment begins at nothing, and after a pause at what this delivery gave", () => {
  const of = (given_before_ml: string, earlier_ml?: string) =>
    givenBefore({ review: { given_before_ml }, ...(earlier_ml ? { earlier_ml } : {}) });
  assert.equal(of("11.82", "11.8"), 0, "rounded down");
  assert.equal(of("13.5", "11.5"), 2);
  assert.equal(of("13.5"), 13.5);
  assert.equal(of("0", "0"), 0);
});
