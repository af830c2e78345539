// The entry point of the page. Nothing that fails here takes Stop away: if the page itself cannot be shown, Stop alone is,
// and if no script runs, the link to /stop in index.html is.

import "./style/index.css";
import { render } from "preact";
import { App } from "./App.tsx";
import { soundAlarms } from "./alarm/sound.ts";
import { Boundary } from "./parts/Boundary.tsx";
import { StopAlone } from "./parts/StopAlone.tsx";
import { applyTheme } from "./parts/theme.ts";
import { stayAwake } from "./parts/wake.ts";
import { connect } from "./wire/connection.ts";
import { say } from "./words/say.ts";
import { STOP } from "./words/texts/stop.ts";

function show(): void {
  const whole = (
    <Boundary name={say(STOP.this_page)} instead={<StopAlone />}>
      <App />
    </Boundary>
  );
  render(whole, document.getElementById("page")!);
}

function keepPage(): void {
  void navigator.serviceWorker?.register("/sw.js").catch(() => undefined);
}

for (const part of [applyTheme, show, connect, soundAlarms, stayAwake, keepPage]) {
  try {
    part();
  } catch (error) {
    console.error(`${part.name} failed`, error);
  }
}
