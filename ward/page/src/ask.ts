// What the page asks its server. Everything reads, but for signing in and out.

export interface Alarm {
  code: string;
  priority: string;
  cause: string;
  action: string;
  raised_at: string;
  escalated_at: string | null;
  acknowledged_at: string | null;
}

export interface Gateway {
  gateway: string;
  pump: string;
  silent: boolean;
  /** Two machines send under its name. */
  twice: boolean;
  age_s: number | null;
  alarms: Alarm[];
}

export interface Bed extends Gateway {
  simulated: boolean | null;
  state: string | null;
  state_at: string | null;
  old: boolean;
  rate_ml_h: number | null;
  volume_infused_ml: number | null;
  volume_remaining_ml: number | null;
  pressure_mmhg: number | null;
  battery_percent: number | null;
  remaining_s: number | null;
}

export interface Board {
  now: string | null;
  beds: Bed[];
  gateways: Gateway[];
}

export interface Me {
  name: string;
  role: "nurse" | "engineer";
  ward: string;
  statement: string;
}

/** The server's answer was not 200; the message says why, in words. */
export class RefusedError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const AWAY = "The ward's server does not answer. Pumps and gateways are not affected.";

async function asked<Answer>(path: string, init?: RequestInit): Promise<Answer> {
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch {
    throw new RefusedError(0, AWAY);
  }
  const body: unknown = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new RefusedError(answer.status, (body as { error?: string }).error ?? AWAY);
  return body as Answer;
}

export function ask<Answer>(path: string, query: Record<string, string> = {}): Promise<Answer> {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  return asked(given.length ? `${path}?${new URLSearchParams(given).toString()}` : path);
}

export function send<Answer>(path: string, body: object): Promise<Answer> {
  return asked(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Calls back with each new board, and with null while the server or its store is away. Returns what ends it. */
export function follow(show: (board: Board | null) => void): () => void {
  let ended = false;
  let source: EventSource | undefined;
  const silence = { timer: 0 };
  // A connection may die without a word: the server sends a board every two seconds.
  const heard = () => {
    clearTimeout(silence.timer);
    silence.timer = window.setTimeout(() => {
      show(null);
      open();
    }, 8000);
  };
  const open = () => {
    source?.close();
    if (ended) return;
    source = new EventSource("/api/live");
    source.onmessage = (event: MessageEvent<string>) => {
      heard();
      show(event.data ? (JSON.parse(event.data) as Board) : null);
    };
    source.onerror = () => show(null);
    heard();
  };
  open();
  return () => {
    ended = true;
    clearTimeout(silence.timer);
    source?.close();
  };
}
