// Signing in: with an account of the ward, or at the site's provider.

import { useEffect, useState } from "preact/hooks";
import { ask, RefusedError, send } from "../ask.ts";

/** Why the site's provider did not let someone in. */
const REFUSALS: Record<string, string> = {
  away: "The site's sign-in does not answer. Try again later, or sign in with an account of the ward.",
  begin: "This sign-in took too long, or was begun in another browser. Sign in again.",
  group: "You are known to the site, but no group of yours may see this ward. Ask the administrator.",
  provider: "The site's sign-in did not let you in.",
  token: "The answer of the site's sign-in could not be verified. You were not signed in; tell the administrator.",
};

/** The sentence of a way back such as `#/refused/group`. */
export const refusal = ([screen, reason]: string[]): string =>
  screen === "refused" ? (REFUSALS[reason ?? ""] ?? "You were not signed in.") : "";

export function SignInScreen({ problem, entered }: { problem: string; entered: () => void }) {
  const [refused, setRefused] = useState("");
  const [busy, setBusy] = useState(false);
  const [other, setOther] = useState<string | null>(null);
  useEffect(
    () =>
      void ask<{ oidc: string | null }>("/api/ways").then(
        ({ oidc }) => setOther(oidc),
        () => {}, // then there is the form, which says what is wrong
      ),
    [],
  );
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    try {
      await send("/api/sign-in", { name: form.get("name"), password: form.get("password") });
      location.hash = "";
      entered();
    } catch (error) {
      setRefused(error instanceof RefusedError ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <h1>The ward</h1>
      <p role="alert" class="bad">
        {refused || problem}
      </p>
      {other && (
        <p class="other-way">
          <a class="button primary" href="/api/oidc/begin">
            Sign in with {other}
          </a>
        </p>
      )}
      <form onSubmit={(event) => void submit(event)}>
        {other && <h2>Or with an account of the ward</h2>}
        <label>
          Name
          <input name="name" autocomplete="username" required autofocus />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <button class={other ? "" : "primary"} disabled={busy}>
          Sign in
        </button>
      </form>
      <p class="muted">Simulation, research and integration only: not a cleared medical device.</p>
    </main>
  );
}
