// The line that names the version and leads to the licences of what this page is built with.

import type { Page } from "../state/page.ts";
import { say } from "../words/say.ts";
import { FRAME } from "../words/texts/frame.ts";

export function About({ page }: { page: Page }) {
  return (
    <p class="muted about">
      {say(FRAME.version, { version: page.about?.version ?? "" })}{" "}
      <a href="/THIRD-PARTY-NOTICES.txt">{say(FRAME.licences)}</a>
    </p>
  );
}
