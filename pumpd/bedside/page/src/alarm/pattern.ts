// The sound of an alarm as plain numbers: when each pulse begins, how long it lasts, and which tones it has.
// Numbers: docs/safety/reference.md 3.1. HIGH: ten pulses in two sets of five; MEDIUM: three; LOW: two. Melody of an
// infusion device: C d g - C d, twice; C d g; e c. Each pulse has a fundamental of 150 to 1000 Hz and at least four
// harmonics between 300 and 4000 Hz.

import type { Priority } from "../state/types.ts";

export interface Pulse {
  startMs: number;
  lengthMs: number;
  harmonicsHz: number[];
}

export interface Burst {
  pulses: Pulse[];
  /** From the end of one burst to the beginning of the next. */
  intervalMs: number;
}

const NOTE = { C: 523.25, d: 293.66, g: 392, e: 329.63, c: 261.63 } as const;
type Note = keyof typeof NOTE;

const HARMONICS = [1, 2, 3, 4, 5, 6];

interface Score {
  notes: Note[];
  lengthMs: number;
  /** The pause after each note but the last. */
  gapsMs: number[];
  intervalMs: number;
}

const SCORES: Record<Priority, Score> = {
  high: {
    notes: ["C", "d", "g", "C", "d", "C", "d", "g", "C", "d"],
    lengthMs: 150,
    gapsMs: [100, 100, 350, 100, 700, 100, 100, 350, 100],
    intervalMs: 4000,
  },
  medium: { notes: ["C", "d", "g"], lengthMs: 200, gapsMs: [200, 200], intervalMs: 10_000 },
  low: { notes: ["e", "c"], lengthMs: 200, gapsMs: [200], intervalMs: 20_000 },
};

export function burst(priority: Priority): Burst {
  const { notes, lengthMs, gapsMs, intervalMs } = SCORES[priority];
  let startMs = 0;
  const pulses = notes.map((note, at) => {
    const pulse = { startMs, lengthMs, harmonicsHz: HARMONICS.map((times) => NOTE[note] * times) };
    startMs += lengthMs + (gapsMs[at] ?? 0);
    return pulse;
  });
  return { pulses, intervalMs };
}

export function lengthMs({ pulses }: Burst): number {
  const last = pulses.at(-1);
  return last ? last.startMs + last.lengthMs : 0;
}

/** Flash of the visible signal: Hz, 0 for steady. The duty is one half (style/alarm.css). */
export const FLASH_HZ: Record<Priority, number> = { high: 2, medium: 0.6, low: 0 };
