// What every screen has: the disclaimer, the title, who is signed in, the alarms, and Stop.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { AlarmBanner } from "./AlarmBanner.tsx";
import { Boundary } from "./Boundary.tsx";
import { Badges } from "./Badges.tsx";
import { DockSlot } from "./dock.tsx";
import { LinkNotice } from "./LinkNotice.tsx";
import { Person } from "./Person.tsx";
import { StopButton } from "./StopButton.tsx";
import { chooseTheme, onTheme, theme } from "./theme.ts";
import { onTablet } from "../state/kept.ts";
import { bedAddress, type Route } from "../state/route.ts";
import { EVERY, type Page } from "../state/page.ts";

export function Frame({ page, route, children }: { page: Page; route: Route; children: ComponentChildren }) {
  const pump = "pump" in route ? route.pump : null;
  const known = page.live?.pumps.find((each) => each.pump === pump);
  const simulated = known
    ? known.simulated
    : (page.live?.simulated ?? page.about?.simulated ?? onTablet.get("simulated") === "yes");
  const [title, back] =
    page.identity === "unpaired" ? heading({ screen: "pair", token: "" }, null) : heading(route, pump);
  const docked = route.screen !== "beds" || !page.live || page.identity !== "paired";
  useEffect(() => {
    document.title = `${title}, pumpd bedside`;
  }, [title]);
  const head = useFocusOnChange(`${route.screen}/${pump}`);
  return (
    <>
      <header>
        <Strip page={page} simulated={simulated} />
        <div class="top">
          {back && (
            <a class="back" href={back} aria-label={back === "#/" ? "All beds" : "Back"}>
              <span aria-hidden="true">‹</span>
            </a>
          )}
          <div class="where">
            <h1 tabIndex={-1} ref={head}>
              {title}
            </h1>
            <span class="gateway">
              {page.live?.gateway ?? page.about?.gateway ?? "pumpd"}
              {(page.live?.tablets_connected ?? 0) > 1 && `, ${page.live?.tablets_connected} tablets`}
              {known?.patient && ` · patient ${known.patient}`}
            </span>
          </div>
          <Boundary name="The top bar">
            <Badges page={page} />
            <ThemeSwitch />
            {page.live && <Person live={page.live} pump={pump} />}
          </Boundary>
        </div>
      </header>
      <Boundary name="The list of alarms">
        <AlarmBanner page={page} />
      </Boundary>
      <main>
        <Boundary name="The state of the link">
          <LinkNotice page={page} pump={pump} />
        </Boundary>
        <Boundary
          name="This screen"
          of={`${route.screen}/${pump}/${known?.infusion?.state}`}
          instead={!docked && <StopButton page={page} target={EVERY} name="all pumps" />}
        >
          {children}
        </Boundary>
      </main>
      {/* On the overview every bed has its own Stop: one Stop for all under the thumb would end other patients' infusions. */}
      {docked && (
        <footer class="dock">
          <DockSlot />
          {page.identity === "paired" && known ? (
            <StopButton key={known.pump} page={page} target={known.pump} name={known.pump} />
          ) : (
            <StopButton key={EVERY} page={page} target={EVERY} name="all pumps" />
          )}
        </footer>
      )}
    </>
  );
}

function heading(route: Route, pump: string | null): [string, string | null] {
  switch (route.screen) {
    case "beds":
      return ["Beds", null];
    case "pair":
      return ["Pair this tablet", null];
    case "bench":
      return [pump ? `Bench: ${pump}` : "Bench", "#/"];
    case "bed":
      return [pump ?? "", "#/"];
    case "order":
      return [`${pump}: new infusion`, bedAddress(pump ?? "")];
    case "rest":
      return [`${pump}: the rest`, bedAddress(pump ?? "")];
    case "course":
      return [`${pump}: treatments`, bedAddress(pump ?? "")];
    case "sign-in":
      return [`${pump}: sign in`, bedAddress(pump ?? "")];
  }
}

/** A new screen moves the focus to its heading, so that a screen reader announces it. */
function useFocusOnChange(where: string) {
  const head = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else head.current?.focus({ preventScroll: true });
  }, [where]);
  return head;
}

function Strip({ page, simulated }: { page: Page; simulated: boolean }) {
  const scale = page.live?.time_scale ?? 1;
  return (
    <div class={simulated ? "strip strip-simulated" : "strip"} role="note">
      {simulated && <strong class="simulated">SIMULATED{scale > 1 && ` · time ×${scale}`}</strong>}
      <span>
        Not a cleared medical device<span class="wide">. For simulation, research and integration only</span>.
      </span>
    </div>
  );
}

function ThemeSwitch() {
  const [chosen, choose] = useState(theme);
  useEffect(() => onTheme(choose), []);
  const other = chosen === "day" ? "night" : "day";
  return (
    <button type="button" class="icon" aria-label={`Switch to ${other} colours`} onClick={() => chooseTheme(other)}>
      <span aria-hidden="true">{chosen === "day" ? "☾" : "☀"}</span>
    </button>
  );
}
