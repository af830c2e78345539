// What a form would lead to, checked by the gateway while a person types.

import { useEffect, useRef, useState } from "preact/hooks";
import { dispatch } from "../state/store.ts";
import type { Preview } from "../state/types.ts";
import { act } from "../wire/connection.ts";

const TYPING_MS = 400;
/** After an answer that did not come. */
const AGAIN_MS = 2000;

type Form = (last: Preview) => Record<string, unknown>;

export interface Checked {
  preview: Preview;
  reasons: string[];
  /** The answer is about the form as it is now. */
  current: boolean;
}

/**
 * `form` gives the fields of the request, by the `last` answer: the soft limits that it named, the containers that hold it.
 * Nothing is asked while `ready` is false.
 */
export function usePreview(op: "preview" | "preview_rest", form: Form, ready: boolean): Checked {
  const [preview, setPreview] = useState<Preview>({});
  const [reasons, setReasons] = useState<string[]>([]);
  const [checked, setChecked] = useState("");
  const round = useRef(0);
  const soft = preview.soft ?? [];
  const fields = form(preview);
  const typed = JSON.stringify(fields);
  useEffect(() => {
    const mine = ++round.current; // answers to older forms do not count
    if (!ready) return undefined;
    let timer = 0;
    const check = async () => {
      const answer = await act<Preview>(op, fields);
      if (mine !== round.current) return;
      if (answer.status === 0 || answer.status >= 500) {
        timer = window.setTimeout(check, AGAIN_MS); // nothing was checked
        return setReasons(answer.reasons);
      }
      const { review, plasma } = answer.result;
      setChecked(typed);
      setReasons(answer.ok ? [] : answer.reasons);
      setPreview(answer.ok ? answer.result : { ...answer.result, soft: answer.result.soft ?? soft });
      if (review && plasma) dispatch({ kind: "band", digest: review.digest, band: plasma });
    };
    timer = window.setTimeout(check, TYPING_MS);
    return () => {
      clearTimeout(timer);
      round.current += 1;
    };
  }, [typed, ready]);
  return { preview, reasons, current: checked === typed };
}
