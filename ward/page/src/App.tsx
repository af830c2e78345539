// The frame: who is signed in, the way between the screens, and whether what is shown is live.

import { useEffect, useState } from "preact/hooks";
import { ask, follow, RefusedError, send, type Board, type Me } from "./ask.ts";
import { AlarmsScreen } from "./screens/AlarmsScreen.tsx";
import { BedScreen } from "./screens/BedScreen.tsx";
import { BoardScreen } from "./screens/BoardScreen.tsx";
import { FleetScreen } from "./screens/FleetScreen.tsx";
import { SearchScreen } from "./screens/SearchScreen.tsx";
import { refusal, SignInScreen } from "./screens/SignInScreen.tsx";

const SCREENS = { "": "Beds", alarms: "Alarms", fleet: "Gateways", search: "Search" } as const;
const FOR_ENGINEERS = new Set(["fleet", "search"]);

const route = () => location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);

export function App() {
  const [me, setMe] = useState<Me | null | undefined>(undefined);
  const [problem, setProblem] = useState("");
  const enter = () =>
    ask<Me>("/api/me").then(
      (found) => {
        setProblem("");
        setMe(found);
      },
      (error: unknown) => {
        if (error instanceof RefusedError && error.status !== 401) setProblem(error.message);
        setMe(null);
      },
    );
  useEffect(() => void enter(), []);
  if (me === undefined) return <p class="waiting">Connecting …</p>;
  if (me === null) return <SignInScreen problem={problem || refusal(route())} entered={() => void enter()} />;
  return <Ward me={me} leave={() => setMe(null)} />;
}

function Ward({ me, leave }: { me: Me; leave: () => void }) {
  const [[screen = "", ...rest], setRoute] = useState(route);
  const [board, setBoard] = useState<Board | null>(null);
  const [live, setLive] = useState(true);
  useEffect(() => {
    const changed = () => setRoute(route());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  useEffect(
    () =>
      follow((newest) => {
        setLive(newest !== null);
        if (newest) setBoard(newest);
        else
          void ask("/api/me").catch(
            (error: unknown) => error instanceof RefusedError && error.status === 401 && leave(),
          );
      }),
    [],
  );
  const title =
    screen === "bed" ? `${rest[0] ?? ""} ${rest[1] ?? ""}` : (SCREENS[screen as keyof typeof SCREENS] ?? "Beds");
  useEffect(() => {
    document.title = `${title} · ${me.ward}`;
  }, [title]);
  const signOut = () =>
    void send<{ go: string | null }>("/api/sign-out", {}).then(
      ({ go }) => (go ? location.assign(go) : leave()), // the site's provider ends its own sign-in there
      leave,
    );
  const open = Object.entries(SCREENS).filter(([name]) => me.role === "engineer" || !FOR_ENGINEERS.has(name));
  return (
    <>
      <header class="top">
        <p class="ward-name">
          <b>{me.ward}</b> <span class="muted">shows only, controls nothing</span>
        </p>
        <nav aria-label="Screens">
          {open.map(([name, label]) => (
            <a key={name} href={`#/${name}`} aria-current={name === screen ? "page" : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <p>
          <span class="muted">{me.name}</span>{" "}
          <button class="quiet" onClick={signOut}>
            Sign out
          </button>
        </p>
      </header>
      <div role="status" class={live ? "unseen" : "away"}>
        {live
          ? "Live"
          : "Not live: the ward's server or its store does not answer. What is below is old. Go to the pumps; they are not affected."}
      </div>
      <main class={live ? "" : "stale"}>
        {screen === "bed" ? (
          <BedScreen key={rest.join("/")} gateway={rest[0] ?? ""} pump={rest[1] ?? ""} board={board} />
        ) : screen === "alarms" ? (
          <AlarmsScreen exports={me.role === "engineer"} />
        ) : screen === "fleet" ? (
          <FleetScreen />
        ) : screen === "search" ? (
          <SearchScreen />
        ) : (
          <BoardScreen board={board} />
        )}
      </main>
      <footer class="muted">{me.statement} The pump stays the primary alarm.</footer>
    </>
  );
}
