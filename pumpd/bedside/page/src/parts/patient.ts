// The history of a patient, as the gateway keeps it. Asked for by a person who may see it, and again when `again` changes.

import { useEffect, useState } from "preact/hooks";
import type { PatientHistory } from "../state/treatments.ts";
import { act } from "../wire/connection.ts";

const AGAIN_MS = 2000;

export interface Known {
  history: PatientHistory | null;
  reasons: string[];
  /** Ask once more now: something of it was changed here. */
  refresh: () => void;
}

/** `patient` empty: nobody is asked about. `again`: what else makes it out of date. */
export function usePatient(patient: string, allowed: boolean, again: string = ""): Known {
  const [found, setFound] = useState<{ history: PatientHistory | null; reasons: string[] }>({
    history: null,
    reasons: [],
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (!patient || !allowed) {
      setFound({ history: null, reasons: [] });
      return undefined;
    }
    let timer = 0;
    const read = async () => {
      const answer = await act<PatientHistory>("history", { patient });
      if (timer < 0) return;
      if (answer.ok) return setFound({ history: answer.result as PatientHistory, reasons: [] });
      setFound({ history: null, reasons: answer.reasons });
      if (answer.status === 0) timer = window.setTimeout(read, AGAIN_MS); // the link was lost
    };
    void read();
    return () => {
      clearTimeout(timer);
      timer = -1;
    };
  }, [patient, allowed, again, round]);
  const history = found.history?.patient === patient ? found.history : null; // never another patient's
  return { history, reasons: found.reasons, refresh: () => setRound(round + 1) };
}
