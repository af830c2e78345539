// Requests that the tablet signs. The gateway's control process checks each against the key that was paired there.

import { canonical, sha256 } from "./canonical.ts";
import { ask, type Answer } from "./ask.ts";
import { randomHex } from "./hex.ts";
import { signature, type TabletKey } from "./keys.ts";
import type { Binding, Challenge, Review, Tablet } from "../state/types.ts";
import { say } from "../words/say.ts";
import { WIRE } from "../words/texts/wire.ts";

export const REQUEST = "pumpd-request-v1\n";
export const CONFIRMATION = "pumpd-confirmation-v1\n";

/** Refused because the request took longer than the 2 s of its nonce. Nothing was done, so it may be signed once more. */
const tooLate = ({ ok, reasons }: Answer<unknown>): boolean =>
  !ok && reasons.some((reason) => reason.includes("must be signed again"));

/** Nothing was sent. */
const unsigned = <T>(why = say(WIRE.no_signature)): Answer<T> => ({ ok: false, result: {}, reasons: [why], status: 0 });

async function signed<T>(
  path: string,
  key: TabletKey,
  gateway: string,
  text: string,
  fields: Record<string, string> = {},
): Promise<Answer<T>> {
  for (let again = false; ; again = true) {
    const drawn = await ask<{ nonce: string }>("/api/nonce");
    const nonce = drawn.result.nonce;
    if (!drawn.ok || !nonce) return { ...drawn, ok: false, result: {} };
    const made = await signature(key, `${REQUEST}${gateway}\n${nonce}\n${text}`);
    if (made === null) return unsigned();
    const answer = await ask<T>(path, { key: key.id, nonce, signature: made, ...fields });
    if (again || !tooLate(answer)) return answer;
  }
}

/** Prove this tablet's key. The gateway answers with a session cookie. */
export const hello = (key: TabletKey, gateway: string): Promise<Answer<{ tablet: Tablet }>> =>
  signed("/api/hello", key, gateway, '{"op":"hello"}');

export async function request<T = Record<string, unknown>>(
  key: TabletKey,
  gateway: string,
  fields: { op: string; [name: string]: unknown },
): Promise<Answer<T>> {
  const text = JSON.stringify(fields);
  const answer = await signed<T>("/api/request", key, gateway, text, { request: text });
  if (answer.status !== 401) return answer;
  await hello(key, gateway); // the server restarted and no longer knows this session; it passed nothing on
  return signed<T>("/api/request", key, gateway, text, { request: text });
}

export const shownHash = (review: Review): Promise<string> => sha256(canonical(review));

/** The exact text that a confirmation signs: what to run, where, until when, what was on the screen, and for whom. */
export const confirmationText = (binding: Binding, shown: string, wristband: string): string =>
  CONFIRMATION + canonical({ ...binding, expires_ns: String(binding.expires_ns), shown, wristband });

/** Why the challenge is not for what is on the screen; null when it is. */
export async function mismatch(onScreen: Review, challenge: Challenge): Promise<string | null> {
  const [mine, theirs] = await Promise.all([shownHash(onScreen), shownHash(challenge.review)]);
  if (mine !== theirs) return say(WIRE.program_changed);
  if (mine !== challenge.shown) return say(WIRE.other_program);
  return null;
}

export async function confirm(
  key: TabletKey,
  gateway: string,
  pump: string,
  challenge: Challenge,
  shown: string,
  wristband: string,
  second: { badge: string; pin: string } | null,
): Promise<Answer<Record<string, unknown>>> {
  const { binding } = challenge;
  if (typeof binding.expires_ns === "number" && !Number.isSafeInteger(binding.expires_ns)) {
    return unsigned(say(WIRE.not_signable));
  }
  const made = await signature(key, confirmationText(binding, shown, wristband));
  if (made === null) return unsigned();
  return request(key, gateway, {
    op: "confirm",
    pump,
    request: randomHex(16),
    key: key.id,
    ...binding,
    shown,
    wristband,
    signature: made,
    ...(second ? { second } : {}),
  });
}
