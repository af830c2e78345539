// From the state and the address to a screen.

import { Frame } from "./parts/Frame.tsx";
import { touches } from "./parts/idle.ts";
import { useLanguage } from "./parts/LanguageSwitch.tsx";
import { Bed } from "./screens/Bed.tsx";
import { Beds } from "./screens/Beds.tsx";
import { Bench } from "./screens/Bench.tsx";
import { Connecting } from "./screens/Connecting.tsx";
import { Course } from "./screens/Course.tsx";
import { Order } from "./screens/Order.tsx";
import { Pairing } from "./screens/Pairing.tsx";
import { Rest } from "./screens/Rest.tsx";
import { SignIn } from "./screens/SignIn.tsx";
import { useRoute, type Route } from "./state/route.ts";
import { usePage } from "./state/store.ts";
import type { Page } from "./state/page.ts";
import { say } from "./words/say.ts";
import { FRAME } from "./words/texts/frame.ts";

export function App() {
  const page = usePage();
  const route = useRoute();
  useLanguage(); // everything below is shown again in another one
  return (
    <div class="app" onPointerDown={touches} onKeyDown={touches}>
      <Frame page={page} route={route}>
        {screen(page, route)}
      </Frame>
    </div>
  );
}

function screen(page: Page, route: Route) {
  if (route.screen === "pair") return <Pairing key={route.token} token={route.token} page={page} />;
  if (page.identity === "unpaired") return <Pairing token="" page={page} />;
  if (!page.live) return <Connecting page={page} />;
  if (route.screen === "beds") return <Beds page={page} live={page.live} />;
  if (route.screen === "bench") return <Bench page={page} live={page.live} pump={route.pump} />;
  const pump = page.live.pumps.find((each) => each.pump === route.pump);
  if (!pump)
    return (
      <p class="note" role="status">
        {say(FRAME.no_pump, { pump: route.pump ?? "" })} <a href="#/">{say(FRAME.all_beds)}</a>
      </p>
    );
  if (route.screen === "sign-in") return <SignIn key={pump.pump} page={page} pump={pump} />;
  if (route.screen === "rest") return <Rest key={pump.pump} page={page} live={page.live} pump={pump} />;
  if (route.screen === "course") return <Course key={pump.pump} page={page} live={page.live} pump={pump} />;
  if (route.screen === "order") return <Order key={pump.pump} page={page} live={page.live} pump={pump} />;
  return <Bed key={pump.pump} page={page} live={page.live} pump={pump} />;
}
