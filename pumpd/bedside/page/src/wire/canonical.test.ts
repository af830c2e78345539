import assert from "node:assert/strict";
import { test } from "node:test";
import { canonical, sha256 } from "./canonical.ts";
import { confirmationText, mismatch } from "./requests.ts";
import type { Challenge, Review } from "../state/types.ts";

test("keys are sorted by code point, without spaces, and text is unchanged", () => {
  assert.equal(
    canonical({ b: [1, true, null], a: { z: "ü\u2028\u007f", y: '"\\\n\u0001' } }),
    '{"a":{"y":"\\"\\\\\\n\\u0001","z":"ü\u2028\u007f"},"b":[1,true,null]}',
  );
  assert.equal(canonical({ "\u{10000}": 1, "\uffff": 2 }), '{"\uffff":2,"\u{10000}":1}');
  assert.equal(canonical({ a: 1, aa: 2, B: 3 }), '{"B":3,"a":1,"aa":2}');
});

test("values that the two languages write differently are refused", () => {
  for (const bad of [1.5, 2 ** 53, Number.NaN, undefined, 1n, { a: 0.1 }])
    assert.throws(() => canonical(bad), TypeError);
});

test("the hash is SHA-256 over UTF-8", async () => {
  assert.equal(await sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

const review = { drug: "ketamine", dose_mg: "35" } as Review;
const binding = {
  nonce: "n",
  digest: "d",
  action: "start",
  serial: "S",
  channel: 1,
  session: "s",
  gateway: "g",
  expires_ns: "60000000000",
};

test("a confirmation signs the binding, the screen and the scan, with the expiry as text", () => {
  const want =
    'pumpd-confirmation-v1\n{"action":"start","channel":1,"digest":"d","expires_ns":"60000000000","gateway":"g","nonce":"n","serial":"S","session":"s","shown":"h","wristband":"P-1"}';
  assert.equal(confirmationText(binding, "h", "P-1"), want);
  assert.equal(confirmationText({ ...binding, expires_ns: 60000000000 }, "h", "P-1"), want);
});

test("a challenge for a program that is not on the screen is not signed", async () => {
  const shown = await sha256(canonical(review));
  const challenge = (fields: Partial<Challenge>): Challenge => ({ binding, valid_s: 60, review, shown, ...fields });
  assert.equal(await mismatch(review, challenge({})), null);
  assert.match((await mismatch({ ...review, dose_mg: "350" }, challenge({})))!, /changed/);
  assert.match((await mismatch(review, challenge({ shown: "0".repeat(64) })))!, /same program/);
});
