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

const POLL_MS = 1000;

interface Asked {
  token: string;
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
      const key = await publicKey(await keyForPairing());
      const answer = await ask<{ code: string; expires_s: number }>("/api/pair", {
        token: tokenIn(typed),
        name,
        public_key: key,
      });
      if (answer.ok && answer.result.code) {
        setAsked({
          token: tokenIn(typed),
          code: answer.result.code,
          until: now() + (answer.result.expires_s ?? 120) * 1000,
        });
      } else setReasons(answer.reasons);
    } catch (error) {
      setReasons([
        `This browser cannot make or store a key (${error instanceof Error ? error.message : "unknown"}). Open the page over https.`,
      ]);
    }
    setBusy(false);
  };

  useEffect(() => {
    if (!asked || done) return undefined;
    const timer = setInterval(async () => {
      const answer = await ask<{ state: string; tablet: Tablet | null }>(
        `/api/pair/${encodeURIComponent(asked.token)}`,
      );
      const state = answer.result.state;
      if (state === "accepted") {
        setDone(answer.result.tablet ?? { id: "", name, roles: [] });
        retry();
      } else if (state === "refused" || state === "closed") {
        setAsked(null);
        setReasons([
          state === "refused"
            ? "The pairing was refused at the gateway."
            : "The time for pairing is over. Start it again at the gateway.",
        ]);
      } else if (!answer.ok && answer.status >= 400) {
        setAsked(null);
        setReasons(answer.reasons);
      }
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
