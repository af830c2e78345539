// Plays the alarm patterns. A browser plays nothing until the page was touched once: `sounding` is true after that.

import { audible } from "./active.ts";
import { burst, lengthMs, type Pulse } from "./pattern.ts";
import { current, now } from "../state/store.ts";
import type { Priority } from "../state/types.ts";

const RISE_S = 0.01;
const FALL_S = 0.03;
const CHECK_MS = 200;

let context: AudioContext | null = null;
let bus: GainNode | null = null;
let playing: Priority | null = null;
let nextAt = 0;

export const sounding = (): boolean => context?.state === "running";

/** Call it from a touch or a key press. */
export function allowSound(): void {
  context ??= new AudioContext();
  if (context.state !== "running") void context.resume().catch(() => undefined);
}

export function soundAlarms(): void {
  for (const touch of ["pointerdown", "pointerup", "keydown"]) addEventListener(touch, allowSound, { capture: true });
  setInterval(play, CHECK_MS);
}

function play(): void {
  const wanted = audible(current(), now());
  if (!context || !sounding()) return;
  if (wanted !== playing) {
    bus?.disconnect(); // the rest of the other pattern falls silent
    bus = null;
    playing = wanted;
    nextAt = now();
  }
  if (playing && now() >= nextAt) {
    const pattern = burst(playing);
    if (!bus) {
      bus = context.createGain();
      bus.connect(context.destination);
    }
    for (const pulse of pattern.pulses) sound(context, bus, pulse);
    nextAt = now() + lengthMs(pattern) + pattern.intervalMs;
  }
}

function sound(audio: AudioContext, out: AudioNode, { startMs, lengthMs: length, harmonicsHz }: Pulse): void {
  const [fundamental = 440] = harmonicsHz;
  const weights = new Float32Array(harmonicsHz.length + 1);
  harmonicsHz.forEach((hz, at) => (weights[Math.round(hz / fundamental)] = 1 / (1 + at * 0.35)));
  const tone = audio.createOscillator();
  tone.setPeriodicWave(audio.createPeriodicWave(new Float32Array(weights.length), weights));
  tone.frequency.value = fundamental;
  const envelope = audio.createGain();
  const begin = audio.currentTime + 0.02 + startMs / 1000;
  const end = begin + length / 1000;
  envelope.gain.setValueAtTime(0, begin);
  envelope.gain.linearRampToValueAtTime(0.6, begin + RISE_S);
  envelope.gain.setValueAtTime(0.6, end - FALL_S);
  envelope.gain.linearRampToValueAtTime(0, end);
  tone.connect(envelope).connect(out);
  tone.start(begin);
  tone.stop(end);
}
