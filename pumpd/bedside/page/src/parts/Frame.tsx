// What every screen has: the disclaimer, the title, who is signed in, the alarms, and Stop.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { AlarmBanner } from "./AlarmBanner.tsx";
import { Boundary } from "./Boundary.tsx";
import { Badges } from "./Badges.tsx";
import { DockSlot } from "./dock.tsx";
import { HelpKey } from "./Help.tsx";
import { LanguageSwitch } from "./LanguageSwitch.tsx";
import { LinkNotice } from "./LinkNotice.tsx";
import { Person } from "./Person.tsx";
import { StopButton } from "./StopButton.tsx";
import { chooseTheme, onTheme, theme } from "./theme.ts";
import { onTablet } from "../state/storage.ts";
import { bedAddress, type Route } from "../state/route.ts";
import { EVERY, type Page } from "../state/page.ts";
import type { Pump } from "../state/types.ts";
import { guideFor } from "../words/guide.ts";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";

/** An alarm line that could not be shown is tried again so often. */
const ALARMS_AGAIN_MS = 5000;

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
            <a class="back" href={back} aria-label={say(back === "#/" ? FRAME.all_beds : FRAME.back)}>
              <span aria-hidden="true">‹</span>
            </a>
          )}
          <div class="where">
            <h1 tabIndex={-1} ref={head}>
              {title}
            </h1>
            <span class="gateway">{whereabouts(page, known)}</span>
          </div>
          <Boundary name={say(FRAME.part_top_bar)}>
            <Badges page={page} />
            <div class="keys">
              <ThemeSwitch />
              <LanguageSwitch />
              <HelpKey key={`${route.screen}/${pump}`} guide={guideFor(page, route)} />
            </div>
            {page.live && <Person live={page.live} pump={pump} />}
          </Boundary>
        </div>
      </header>
      <Boundary name={say(FRAME.part_alarms)} of={String(Math.floor(page.liveAt / ALARMS_AGAIN_MS))}>
        <AlarmBanner page={page} />
      </Boundary>
      <main>
        <Boundary
          name={say(FRAME.part_screen)}
          of={`${route.screen}/${pump}/${known?.infusion?.state}`}
          instead={!docked && <StopButton page={page} target={EVERY} name={say(FRAME.all_pumps)} />}
        >
          {children}
        </Boundary>
        {page.identity === "paired" && <ToBench page={page} route={route} pump={known} />}
      </main>
      <div class="bottom">
        <Boundary name={say(FRAME.part_link)}>
          <LinkNotice page={page} pump={pump} />
        </Boundary>
        {/* On the overview every bed has its own Stop: one Stop for all under the thumb would end other patients' infusions. */}
        {docked && (
          <footer class="dock">
            <DockSlot />
            {page.identity === "paired" && known ? (
              <StopButton key={known.pump} page={page} target={known.pump} name={known.pump} />
            ) : (
              <StopButton key={EVERY} page={page} target={EVERY} name={say(FRAME.all_pumps)} />
            )}
          </footer>
        )}
      </div>
    </>
  );
}

function heading(route: Route, pump: string | null): [string, string | null] {
  const of = { pump: pump ?? "" };
  const bed = bedAddress(of.pump);
  switch (route.screen) {
    case "beds":
      return [say(FRAME.beds), null];
    case "pair":
      return [say(FRAME.pair), null];
    case "bench":
      return [pump ? say(FRAME.bench_of, { pump }) : say(FRAME.bench), "#/"];
    case "bed":
      return [of.pump, "#/"];
    case "order":
      return [say(FRAME.new_infusion, of), bed];
    case "rest":
      return [say(FRAME.rest, of), bed];
    case "course":
      return [say(FRAME.treatments, of), bed];
    case "sign-in":
      return [say(FRAME.sign_in, of), bed];
  }
}

/** Under the title: the gateway, this tablet by the name that it was given, and the patient of this pump. */
function whereabouts({ live, about, tablet }: Page, pump: Pump | undefined): string {
  const n = live?.tablets_connected ?? 0;
  const gateway = live?.gateway ?? about?.gateway ?? "pumpd";
  return [
    n > 1 ? `${gateway}, ${say(FRAME.tablets, { n })}` : gateway,
    ...(tablet?.name ? [tablet.name] : []),
    ...(pump?.patient ? [say(FRAME.patient, { patient: pump.patient })] : []),
  ].join(" · ");
}

/** Where a pump is simulated, its engineer's panel is one touch away. */
function ToBench({ page, route, pump }: { page: Page; route: Route; pump: Pump | undefined }) {
  const here = route.screen === "bed" ? pump?.simulated : route.screen === "beds" && page.live?.simulated;
  if (!here || !page.about?.bench) return null;
  return (
    <p class="muted about">
      <a class="button quiet" href={pump ? `#bench/${encodeURIComponent(pump.pump)}` : "#bench"}>
        {say(pump ? FRAME.to_bench : FRAME.to_benches)}
      </a>
    </p>
  );
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
      {simulated && (
        <strong class="simulated">{scale > 1 ? say(FRAME.simulated_scale, { scale }) : say(FRAME.simulated)}</strong>
      )}
      <span>
        {say(FRAME.not_cleared)}
        <span class="wide">. {say(FRAME.only_for)}</span>.
      </span>
    </div>
  );
}

function ThemeSwitch() {
  const [chosen, choose] = useState(theme);
  useEffect(() => onTheme(choose), []);
  const other = chosen === "day" ? "night" : "day";
  return (
    <button
      type="button"
      class="icon"
      aria-label={say(other === "day" ? FRAME.to_day : FRAME.to_night)}
      onClick={() => chooseTheme(other)}
    >
      <span aria-hidden="true">{chosen === "day" ? "☾" : "☀"}</span>
    </button>
  );
}
