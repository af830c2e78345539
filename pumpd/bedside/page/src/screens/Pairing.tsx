// Pairing a new tablet: what to do, the short code, and the outcome.

import { useEffect, useState } from "preact/hooks";
import { About } from "../parts/About.tsx";
import { Lacking } from "../parts/Lacking.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { LONGEST_NAME } from "../state/limits.ts";
import { go } from "../state/route.ts";
import type { Page } from "../state/page.ts";
import type { Tablet } from "../state/types.ts";
import { useNow, now } from "../state/store.ts";
import { ask } from "../wire/ask.ts";
import { retry } from "../wire/connection.ts";
import { keyForPairing, publicKey } from "../wire/keys.ts";
import { type Answered, oneTry } from "../wire/pairing.ts";
import { Said } from "../parts/Said.tsx";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";
import { PAIR } from "../words/texts/pair.ts";

const POLL_MS = 1000;

interface Asked {
  window: string;
  code: string;
  until: number;
}

/** Takes a typed token, or a whole address with one, as the gateway prints it. */
const tokenIn = (text: string): string => (/pair=([^&\s]+)/.exec(text)?.[1] ?? text).trim();

export function Pairing({ token, page }: { token: string; page: Page }) {
  const [typed, setTyped] = useState(token);
  const [name, setName] = useState("");
  const [asked, setAsked] = useState<Asked | null>(null);
  const [done, setDone] = useState<Tablet | null>(null);
  const [reasons, setReasons] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);

  const pair = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setReasons([]);
    try {
      await offered();
    } catch (error) {
      setReasons([say(PAIR.no_key, { why: error instanceof Error ? error.message : say(PAIR.unknown) })]);
    }
    setBusy(false);
  };

  /** The pairing word is good for one try: more tries would be more chances for an attacker in between. */
  const failed = (why: string[]) => {
    setAsked(null);
    setTyped("");
    setReasons(why);
  };

  const offered = async () => {
    const own = await oneTry(tokenIn(typed), await publicKey(await keyForPairing()), name.trim());
    const answer = await ask<Answered & { expires_s: number }>("/api/pair", own.offer);
    if (!answer.ok) return failed(answer.reasons);
    const revealed = await own.reveal(answer.result);
    if (!revealed) return failed([say(PAIR.another_gateway)]);
    const shown = await ask("/api/pair/reveal", revealed.sent);
    if (!shown.ok) return failed(shown.reasons);
    const until = now() + (answer.result.expires_s ?? 120) * 1000;
    return setAsked({ window: own.window, code: revealed.code, until });
  };

  useEffect(() => {
    if (!asked || done) return undefined;
    const timer = setInterval(async () => {
      const answer = await ask<{ state: string; why: string; tablet: Tablet | null }>(`/api/pair/${asked.window}`);
      const state = answer.result.state;
      if (state === "accepted") {
        setDone(answer.result.tablet ?? { id: "", name, roles: [] });
        retry();
      } else if (state === "refused" || state === "closed")
        failed([say(PAIR.closed, { why: answer.result.why ?? "" })]);
      else if (!answer.ok && answer.status >= 400) failed(answer.reasons);
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [asked, done]);

  useEffect(() => {
    if (done && page.identity === "paired" && page.live) go("#/");
  }, [done, page.identity, page.live]);

  if (done)
    return (
      <section class="centre">
        <h2>{say(PAIR.paired_as, { name: done.name })}</h2>
        <p>{say(PAIR.loading_beds)}</p>
      </section>
    );
  if (asked) return <Compare asked={asked} />;
  return (
    <section class="narrow">
      <h2>{page.about ? say(PAIR.pair_with, { gateway: page.about.gateway }) : say(FRAME.pair)}</h2>
      <ol class="steps">
        <li>
          <span>
            <Said text={PAIR.step_run} with={{ command: <code>pumpd pair</code> }} />
          </span>
        </li>
        <li>{say(PAIR.step_scan)}</li>
        <li>{say(PAIR.step_digits)}</li>
      </ol>
      <form onSubmit={(event) => void pair(event)} class="stack">
        <label class="field">
          <span>{say(PAIR.word)}</span>
          <input
            name="token"
            value={typed}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            required
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>{say(PAIR.name)}</span>
          <input
            name="name"
            value={name}
            autocomplete="off"
            maxLength={LONGEST_NAME}
            required
            placeholder={say(PAIR.name_example)}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <Reasons reasons={reasons} title={say(PAIR.not_paired)} />
        <Lacking of={[...(typed ? [] : [say(PAIR.word)]), ...(name ? [] : [say(PAIR.name)])]} />
        <button type="submit" class="primary" disabled={busy || !typed || !name}>
          {say(busy ? PAIR.asking : PAIR.pair)}
        </button>
      </form>
      <About page={page} />
    </section>
  );
}

function Compare({ asked }: { asked: Asked }) {
  const at = useNow(500);
  return (
    <section class="centre">
      <h2>{say(PAIR.type_code)}</h2>
      <output class="code digits" aria-label={say(PAIR.code)} data-testid="pair-code">
        {asked.code}
      </output>
      <p>{say(PAIR.why_code)}</p>
      <p class="muted">
        <Said
          text={PAIR.waiting}
          with={{ left: <span class="digits">{Math.max(0, Math.ceil((asked.until - at) / 1000))} s</span> }}
        />
      </p>
    </section>
  );
}
