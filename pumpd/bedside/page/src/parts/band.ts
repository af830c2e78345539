// The band that a loaded program leads to. The tablet that ordered it knows it already; any other asks once.

import { useEffect } from "preact/hooks";
import { may } from "./NeedsSignIn.tsx";
import type { Page } from "../state/page.ts";
import { dispatch } from "../state/store.ts";
import type { PlasmaBand } from "../state/types.ts";
import { act } from "../wire/connection.ts";

export function useBand(page: Page, pump: string, digest: string): PlasmaBand | undefined {
  const band = page.bands[digest];
  const asks = !band && (may(page, "confirm") || may(page, "prescribe"));
  useEffect(() => {
    if (!asks) return;
    void act<{ plasma: PlasmaBand | null }>("plasma", { pump }).then(({ result }) => {
      if (result.plasma) dispatch({ kind: "band", digest, band: result.plasma });
    });
  }, [asks, pump, digest]);
  return band;
}
