// The entry point of the page.

import "./style/ward.css";
import { render } from "preact";
import { applyTheme } from "../../../pumpd/bedside/page/src/parts/theme.ts";
import { App } from "./App.tsx";

applyTheme();
render(<App />, document.getElementById("page")!);
