// Pairing a new tablet: what to do, the short code, and the outcome.

import { useEffect, useState } from "preact/hooks";
import { About } from "../parts/About.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { go } from "../state/route.ts";
import type { Page } from "../state/page.ts";
import type { Tablet } from "../state/types.ts";
import { useNow, now } from "../state/store.ts";
import { ask } from "../wire/ask.ts";
import { retry } from "../wire/connection.ts";
import { keyForPairing, publicKey } from "../wire/keys.ts";
import { type Answered, oneTry } from "../wire/pairing.ts";

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
      setReasons([
        `This browser cannot make or store a key (${error instanceof Error ? error.message : "unknown"}). Open the page over https.`,
      ]);
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
    if (!revealed) return failed(["The answer is not from the gateway that showed this code. Nothing was paired."]);
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
        failed([`The gateway has closed the pairing: ${answer.result.why}. Start it again at the gateway.`]);
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
        <h2>Paired as {done.name}</h2>
        <p>Loading the beds.</p>
      </section>
    );
  if (asked) return <Compare asked={asked} />;
  return (
    <section class="narrow">
      <h2>{page.about ? `Pair with ${page.about.gateway}` : "Pair this tablet"}</h2>
      <ol class="steps">
        <li>
          <span>
            At the gateway, run <code>pumpd pair</code>.
          </span>
        </li>
        <li>Scan the code that it shows, or type its pairing word here.</li>
        <li>This tablet then shows six digits. Type them at the gateway.</li>
      </ol>
      <form onSubmit={(event) => void pair(event)} class="stack">
        <label class="field">
          <span>Pairing word</span>
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
          <span>Name of this tablet</span>
          <input
            name="name"
            value={name}
            autocomplete="off"
            maxLength={40}
            required
            placeholder="for example: ward 7, bed 1"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <Reasons reasons={reasons} title="Not paired" />
        <button type="submit" class="primary" disabled={busy || !typed || !name}>
          {busy ? "Asking" : "Pair"}
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
      <h2>Type this code at the gateway</h2>
      <output class="code digits" aria-label="Short code" data-testid="pair-code">
        {asked.code}
      </output>
      <p>The gateway asks for it. Only a person at the gateway who sees this screen can admit this tablet.</p>
      <p class="muted">
        Waiting for the gateway, <span class="digits">{Math.max(0, Math.ceil((asked.until - at) / 1000))} s</span> left.
      </p>
    </section>
  );
}
