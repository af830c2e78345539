import { useState } from "preact/hooks";
import { RefusedError, send } from "../ask.ts";

export function SignInScreen({ problem, entered }: { problem: string; entered: () => void }) {
  const [refused, setRefused] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    try {
      await send("/api/sign-in", { name: form.get("name"), password: form.get("password") });
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
      <form onSubmit={(event) => void submit(event)}>
        <label>
          Name
          <input name="name" autocomplete="username" required autofocus />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <p role="alert" class="bad">
          {refused || problem}
        </p>
        <button class="primary" disabled={busy}>
          Sign in
        </button>
      </form>
      <p class="muted">Simulation, research and integration only: not a cleared medical device.</p>
    </main>
  );
}
