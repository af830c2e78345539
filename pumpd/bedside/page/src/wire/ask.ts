// One request to the gateway, one answer. It never throws: without a reply, the answer gives that as its reason.

import { chosenLanguage, type Language } from "../words/language.ts";
import { learn } from "../words/reasons.ts";
import { say } from "../words/say.ts";
import { WIRE } from "../words/texts/wire.ts";

export interface Answer<T> {
  ok: boolean;
  result: Partial<T>;
  reasons: string[];
  /** HTTP status; 0 when there was no answer at all. */
  status: number;
}

const PATIENCE_MS = 5000;

export async function ask<T = Record<string, unknown>>(
  path: string,
  body?: unknown,
  patience = PATIENCE_MS,
): Promise<Answer<T>> {
  const late = new AbortController(); // older browsers have no AbortSignal.timeout
  const timer = setTimeout(() => late.abort(), patience);
  const language = chosenLanguage();
  try {
    const response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      cache: "no-store",
      credentials: "same-origin",
      signal: late.signal,
      headers: { "Accept-Language": language, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return await read<T>(response, language);
  } catch {
    return { ok: false, result: {}, reasons: [say(WIRE.no_answer)], status: 0 };
  } finally {
    clearTimeout(timer);
  }
}

/** `language`: the one that the request asked for. */
export async function read<T>(response: Response, language: Language): Promise<Answer<T>> {
  const body: unknown = await response.json().catch(() => null);
  const answer = (typeof body === "object" && body !== null ? body : {}) as Partial<Answer<T>>;
  learn((answer as { said?: unknown }).said, language);
  const ok = response.ok && answer.ok === true;
  const reasons = Array.isArray(answer.reasons) ? answer.reasons.map(String) : [];
  if (!ok && !reasons.length) reasons.push(say(WIRE.no_reason, { status: response.status }));
  return { ok, result: answer.result ?? {}, reasons, status: response.status };
}
