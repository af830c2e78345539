import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { oneTry } from "./pairing.ts";

const TOKEN = "a".repeat(32);
const NONCE = "1".repeat(64);
const WARD = { gateway: "ward-7", nonce: "2".repeat(64) };

/** The same, with another library, from what the decision says. */
const text = (label: string, fields: string[]) => [`pumpd-pairing-v2 ${label}`, ...fields].join("\n");
const mac = (label: string, ...fields: string[]) =>
  createHmac("sha256", TOKEN).update(text(label, fields)).digest("hex");
const sha = (label: string, ...fields: string[]) => createHash("sha256").update(text(label, fields)).digest();

const one = () => oneTry(TOKEN, "S0VZ", "ward 7, bed 1", NONCE);

test("the offer hides key, name and nonce, and the token is in no message", async () => {
  const offered = await one();
  const window = mac("window").slice(0, 16);
  const commitment = sha("commitment", window, "S0VZ", "ward 7, bed 1", NONCE).toString("hex");
  assert.deepEqual(offered.offer, { window, commitment, proof: mac("offer", window, commitment) });
  const revealed = await offered.reveal({ ...WARD, proof: mac("answer", window, commitment, ...Object.values(WARD)) });
  const all = [window, commitment, ...Object.values(WARD), "S0VZ", "ward 7, bed 1", NONCE];
  const digits = String(sha("code", ...all).readBigUInt64BE() % 1_000_000n).padStart(6, "0");
  assert.equal(revealed?.code, `${digits.slice(0, 3)}-${digits.slice(3)}`);
  assert.equal(revealed.sent.proof, mac("reveal", ...all));
  assert.ok(!JSON.stringify([offered.offer, revealed.sent]).includes(TOKEN));
});

test("nothing is revealed to a gateway without the token", async () => {
  const offered = await one();
  const good = mac("answer", offered.window, offered.offer.commitment, ...Object.values(WARD));
  const bad = [{ ...WARD }, { ...WARD, proof: "0".repeat(64) }, { ...WARD, gateway: "ward-8", proof: good }];
  for (const answer of [{}, ...bad, { ...WARD, nonce: "3".repeat(64), proof: good }])
    assert.equal(await offered.reveal(answer), null);
  assert.notEqual(await offered.reveal({ ...WARD, proof: good }), null);
});

test("each try has its own nonce", async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => oneTry(TOKEN, "S0VZ", "a")));
  assert.equal(new Set(made.map((each) => each.offer.commitment)).size, 20);
});
