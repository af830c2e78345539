// What is left when nothing else of the page can be shown: Stop. It reads nothing of what the gateway sent.

import { EMPTY, EVERY } from "../state/page.ts";
import { route } from "../state/route.ts";
import { usePage } from "../state/store.ts";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";
import { STOP } from "../words/texts/stop.ts";
import { StopButton } from "./StopButton.tsx";

export function StopAlone() {
  const page = usePage();
  const shown = route(location.hash);
  const pump = "pump" in shown ? shown.pump : null;
  const alone = { ...EMPTY, presses: page.presses };
  return (
    <>
      {pump && <StopButton page={alone} target={pump} name={pump} />}
      <StopButton page={alone} target={EVERY} name={say(FRAME.all_pumps)} small={pump !== null} />
      <a href="/stop">{say(STOP.go_to_stop)}</a>
      <p>{say(FRAME.not_cleared)}</p>
    </>
  );
}
