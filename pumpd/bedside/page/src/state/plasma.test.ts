import assert from "node:assert/strict";
import { test } from "node:test";
import { bandData, withEstimate, type PlasmaPoint } from "./plasma.ts";
import { EMPTY, reduce } from "./page.ts";
import type { Infusion, Live, PlasmaBand, Pump } from "./types.ts";

const now = (low: number) => ({ low_ng_ml: low, high_ng_ml: low + 10, note: "" });
const band = { minutes: [0, 10], low_ng_ml: [0, 80], high_ng_ml: [0, 120] } as unknown as PlasmaBand;

test("the estimate so far has a point every 10 s at most, and none without an estimate", () => {
  const first = withEstimate(undefined, now(1), 0);
  assert.deepEqual(first, [[0, 1, 11]]);
  assert.equal(withEstimate(first, now(2), 9)?.length, 1);
  assert.deepEqual(withEstimate(first, now(2), 10)?.at(-1), [1 / 6, 2, 12]);
  assert.equal(withEstimate(first, null, 30), first);
  assert.equal(withEstimate(undefined, null, 30), undefined);
});

test("a curve does not grow without end", () => {
  let track: PlasmaPoint[] | undefined;
  for (let at = 0; at < 20_000; at += 10) track = withEstimate(track, now(at), at);
  assert.equal(track?.length, 600);
  assert.equal(track?.at(-1)?.[1], 19_990);
});

test("band and estimate share their minutes, with no value where one of them has none", () => {
  assert.deepEqual(bandData(band, [[5, 30, 50]]), [
    [0, 5, 10],
    [0, null, 80],
    [0, null, 120],
    [null, 30, null],
    [null, 50, null],
  ]);
  assert.deepEqual(bandData(null, []), [[], [], [], [], []]);
});

test("the estimates of infusions that are no longer shown are forgotten, and all of them by a revoked tablet", () => {
  const state = (session: string): Live =>
    ({
      pumps: [{ pump: "bed1", infusion: { session, elapsed_s: 60 } as Infusion, plasma: now(5) } as Pump],
    }) as unknown as Live;
  const one = reduce(EMPTY, { kind: "state", live: state("s1") }, 0);
  assert.deepEqual(Object.keys(one.estimates), ["s1"]);
  const two = reduce(one, { kind: "state", live: state("s2") }, 1);
  assert.deepEqual(Object.keys(two.estimates), ["s2"]);
  const known = reduce(two, { kind: "band", digest: "d", band }, 2);
  const revoked = reduce(known, { kind: "identity", identity: "unpaired", tablet: null }, 3);
  assert.deepEqual([revoked.estimates, revoked.bands], [{}, {}]);
});
