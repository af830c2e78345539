// The drug library of the gateway. Asked for until it comes, so that a link that was just lost needs no reload.

import { useEffect, useState } from "preact/hooks";
import type { Library } from "../state/types.ts";
import { ask } from "../wire/ask.ts";

const AGAIN_MS = 1000;

export function useLibrary(): { library: Library | null; reasons: string[] } {
  const [library, setLibrary] = useState<Library | null>(null);
  const [reasons, setReasons] = useState<string[]>([]);
  useEffect(() => {
    let timer = 0;
    const read = async () => {
      const answer = await ask<Library>("/api/library");
      if (timer < 0) return;
      setReasons(answer.reasons);
      if (answer.ok) setLibrary(answer.result as Library);
      else timer = window.setTimeout(read, AGAIN_MS);
    };
    void read();
    return () => {
      clearTimeout(timer);
      timer = -1;
    };
  }, []);
  return { library, reasons };
}
