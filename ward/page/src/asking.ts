// Asks the server again whenever what is asked for changes.

import { useEffect, useState } from "preact/hooks";
import { ask, RefusedError } from "./ask.ts";

export interface Asked<Answer> {
  answer: Answer | null;
  problem: string;
}

/** `again_s`: also after so many seconds. */
export function useAsked<Answer>(path: string, query: Record<string, string>, again_s = 0): Asked<Answer> {
  const [asked, setAsked] = useState<Asked<Answer>>({ answer: null, problem: "" });
  const key = JSON.stringify(query);
  useEffect(() => {
    let current = true;
    const once = () =>
      void ask<Answer>(path, query).then(
        (answer) => current && setAsked({ answer, problem: "" }),
        (error: unknown) =>
          current &&
          setAsked((before) => ({ ...before, problem: error instanceof RefusedError ? error.message : String(error) })),
      );
    once();
    const timer = again_s ? setInterval(once, again_s * 1000) : 0;
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [path, key]);
  return asked;
}
