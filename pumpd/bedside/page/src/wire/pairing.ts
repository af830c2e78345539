// Pairing, as docs/decisions/0029 gives it: commit, learn the gateway's nonce, reveal, compare six digits.
// The token from the gateway's code is never sent. It is the key of an HMAC on both sides.

import { hex, randomHex } from "./hex.ts";

export const LABEL = "pumpd-pairing-v2 ";
const encoder = new TextEncoder();

/** What the gateway answers to an offer. */
export interface Answered {
  gateway: string;
  nonce: string;
  proof: string;
}

export interface Offer {
  window: string;
  commitment: string;
  proof: string;
}

export interface Reveal {
  window: string;
  public_key: string;
  name: string;
  nonce: string;
  proof: string;
}

/** One field a line: no field contains a line break. */
const lines = (label: string, fields: string[]) => encoder.encode([LABEL + label, ...fields].join("\n"));

const hashed = (label: string, ...fields: string[]): Promise<ArrayBuffer> =>
  crypto.subtle.digest("SHA-256", lines(label, fields));

async function keyed(token: string, label: string, ...fields: string[]): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(token), algorithm, false, ["sign"]);
  return hex(await crypto.subtle.sign("HMAC", key, lines(label, fields)));
}

export interface Try {
  window: string;
  offer: Offer;
  /** What to send next, and the six digits to show; null if the answer is not from a gateway with this token. */
  reveal: (answer: Partial<Answered>) => Promise<{ sent: Reveal; code: string } | null>;
}

/** One try at pairing this key. What it commits itself to here cannot be changed afterwards. */
export async function oneTry(token: string, key: string, name: string, nonce = randomHex(32)): Promise<Try> {
  const window = (await keyed(token, "window")).slice(0, 16);
  const commitment = hex(await hashed("commitment", window, key, name, nonce));
  const reveal: Try["reveal"] = async (answer) => {
    const { gateway = "", nonce: theirs = "", proof = "" } = answer;
    if (proof !== (await keyed(token, "answer", window, commitment, gateway, theirs))) return null;
    const all = [window, commitment, gateway, theirs, key, name, nonce];
    const number = new DataView(await hashed("code", ...all)).getBigUint64(0) % 1_000_000n;
    const digits = number.toString().padStart(6, "0");
    const sent = { window, public_key: key, name, nonce, proof: await keyed(token, "reveal", ...all) };
    return { sent, code: `${digits.slice(0, 3)}-${digits.slice(3)}` };
  };
  return { window, offer: { window, commitment, proof: await keyed(token, "offer", window, commitment) }, reveal };
}
