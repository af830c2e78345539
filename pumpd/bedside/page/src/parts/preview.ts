// What a form would lead to, checked by the gateway while a person types.

import { useEffect, useRef, useState } from "preact/hooks";
import { dispatch } from "../state/store.ts";
import type { Preview, SoftLimit } from "../state/types.ts";
import { act } from "../wire/connection.ts";

const TYPING_MS = 400;

type Form = (soft: readonly SoftLimit[]) => Record<string, unknown>;

export interface Checked {
  preview: Preview;
  reasons: string[];
  /** The answer is about the form as it is now. */
  current: boolean;
  refuse: (reasons: string[]) => void;
}

/**
 * `form` gives the fields of the request; which reasons it holds depends on the soft limits that the last answer named.
 * Nothing is asked while `ready` is false.
 */
export function usePreview(op: "preview" | "preview_rest", form: Form, ready: boolean): Checked {
  const [preview, setPreview] = useState<Preview>({});
  const [reasons, setReasons] = useState<string[]>([]);
  const [checked, setChecked] = useState("");
  const round = useRef(0);
  const soft = preview.soft ?? [];
  const fields = form(soft);
  const typed = JSON.stringify(fields);
  useEffect(() => {
    const mine = ++round.current; // answers to older forms do not count
    if (!ready) return undefined;
    const timer = setTimeout(async () => {
      const answer = await act<Preview>(op, fields);
      if (mine !== round.current) return;
      const { review, plasma } = answer.result;
      setChecked(typed);
      setReasons(answer.ok ? [] : answer.reasons);
      setPreview(answer.ok ? answer.result : { ...answer.result, soft: answer.result.soft ?? soft });
      if (review && plasma) dispatch({ kind: "band", digest: review.digest, band: plasma });
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, ready]);
  return { preview, reasons, current: checked === typed, refuse: setReasons };
}
