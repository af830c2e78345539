// The entry point of the page.

import "./style/index.css";
import { render } from "preact";
import { App } from "./App.tsx";
import { soundAlarms } from "./alarm/sound.ts";
import { applyTheme } from "./parts/theme.ts";
import { stayAwake } from "./parts/wake.ts";
import { connect } from "./wire/connection.ts";

applyTheme();
stayAwake();
soundAlarms();
render(<App />, document.getElementById("page")!);
void connect();
if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
