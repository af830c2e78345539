// The line that names the version and leads to the licences of what this page is built with.

import type { Page } from "../state/page.ts";

export function About({ page }: { page: Page }) {
  return (
    <p class="muted about">
      About: pumpd {page.about?.version}, Apache-2.0. <a href="/THIRD-PARTY-NOTICES.txt">Third-party licences</a>
    </p>
  );
}
