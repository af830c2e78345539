import assert from "node:assert/strict";
import { test } from "node:test";
import { bedOf } from "./beds.ts";
import type { Pump } from "./types.ts";
import { infusion, pump } from "../../dev/scenes.ts";

const opens = (token: string, ...pumps: Pump[]) => bedOf(token, pumps)?.pump ?? null;
const hers = (name: string, patient: string | null, fields: Partial<Pump> = {}) =>
  pump(name, null, { patient, ...fields });

test("a wristband opens the bed of its patient", () => {
  assert.equal(opens("P-7", hers("bed1", "P-1"), hers("bed2", "P-7"), hers("bed3", null)), "bed2");
  assert.equal(opens("P-1042", pump("bed1", infusion("running", 60)), hers("bed2", null)), "bed1");
  assert.equal(opens("P-7", hers("bed1", "P-7"), hers("bed2", "P-7")), null, "one of two");
});

test("one of no patient here opens the only free bed, and none where a person must choose", () => {
  const running = pump("bed1", infusion("running", 60), { patient: null });
  assert.equal(opens("P-7", running, hers("bed2", null), hers("bed3", "P-1")), "bed2");
  assert.equal(opens("P-7", hers("bed1", null), hers("bed2", null)), null);
  assert.equal(opens("P-7", running, hers("bed3", "P-1")), null);
  assert.equal(
    opens("P-7", hers("bed1", null, { problem: "no port" }), hers("bed2", null, { to_identify: "x" })),
    null,
  );
  assert.equal(opens("P-7", pump("bed1", infusion("stopped", 60), { patient: null })), "bed1");
});
