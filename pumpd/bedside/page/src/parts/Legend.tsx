// What the signs and colours mean that are used on every screen, each with its sign.

import type { ComponentChildren } from "preact";
import { LEVEL } from "../state/signs.ts";
import { say, type Text } from "../words/say.ts";
import { HELP } from "../words/texts/help.ts";

const RINGS: [kind: string, text: Text][] = [
  ["volume", HELP.ring_volume],
  ["window", HELP.ring_window],
  ["tick", HELP.ring_tick],
];
const SIGNS: [level: keyof typeof LEVEL, text: Text][] = [
  ["ok", HELP.sign_ok],
  ["warning", HELP.sign_warning],
  ["critical", HELP.sign_critical],
  ["missing", HELP.sign_missing],
];
const COLOURS: [sample: string, text: Text][] = [
  ["sample-stop-flows", HELP.stop_filled],
  ["sample-stop", HELP.stop_outlined],
  ["sample-stop-stopping", HELP.stop_striped],
  ["sample-high", HELP.alarm_high],
  ["sample-medium", HELP.alarm_medium],
  ["sample-low", HELP.alarm_low],
  ["sample-simulated", HELP.simulated],
];

export function Legend() {
  return (
    <div class="legend">
      <h3>{say(HELP.signs)}</h3>
      <dl>
        {RINGS.map(([kind, text]) => (
          <Row key={kind} text={text} sample={<RingSample of={kind} />} />
        ))}
        <Row text={HELP.value_old} sample={<b class="sample-old digits">12</b>} />
        <Row text={HELP.value_dead} sample={<b class="sample-dead digits">12</b>} />
        {SIGNS.map(([level, text]) => (
          <Row key={level} text={text} sample={<b>{LEVEL[level][0]}</b>} />
        ))}
        {COLOURS.map(([sample, text]) => (
          <Row key={sample} text={text} sample={<i class={`sample ${sample}`} />} />
        ))}
      </dl>
    </div>
  );
}

const Row = ({ text, sample }: { text: Text; sample: ComponentChildren }) => (
  <div>
    <dt aria-hidden="true">{sample}</dt>
    <dd>{say(text)}</dd>
  </div>
);

/** A small ring, with the part of it that is meant. */
const RingSample = ({ of }: { of: string }) => (
  <svg class={`ring ring-sample sample-${of}`} viewBox="0 0 40 40" aria-hidden="true">
    <circle class="ring-window-track" cx="20" cy="20" r="18" />
    <circle class="ring-window" cx="20" cy="20" r="18" stroke-dasharray="60 200" transform="rotate(-90 20 20)" />
    <line class="ring-mark" x1="20" y1="36" x2="20" y2="40" />
    <circle class="ring-track" cx="20" cy="20" r="11" />
    <circle class="ring-volume" cx="20" cy="20" r="11" stroke-dasharray="35 100" transform="rotate(-90 20 20)" />
  </svg>
);
