// Keys for a patient token: digits, letters and the four signs that a token may have. One layer: no key is hidden.

import { useState } from "preact/hooks";
import { say } from "../words/say.ts";
import { BEDS } from "../words/texts/beds.ts";

const DIGITS = [..."1234567890"];
const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const SIGNS = [..."-._@"];

interface Props {
  /** What tokens begin with here, as one key. */
  beginning: string;
  onKey: (key: string) => void;
  onBack: () => void;
}

export function Pad({ beginning, onKey, onBack }: Props) {
  const [capitals, setCapitals] = useState(true);
  const letters = capitals ? LETTERS : LETTERS.map((each) => each.toLowerCase());
  return (
    // The field keeps the focus, for a scanner and for a keyboard.
    <div class="pad" role="group" aria-label={say(BEDS.pad)} onPointerDown={(event) => event.preventDefault()}>
      {/* keeps its room: no key moves once something is typed */}
      <button
        type="button"
        class={beginning ? "pad-beginning" : "pad-beginning not-this"}
        onClick={() => onKey(beginning)}
      >
        {beginning || "–"}
      </button>
      {[...DIGITS, ...SIGNS, ...letters].map((key) => (
        <button type="button" key={key} onClick={() => onKey(key)}>
          {key}
        </button>
      ))}
      <button
        type="button"
        aria-label={say(capitals ? BEDS.small_letters : BEDS.capitals)}
        onClick={() => setCapitals(!capitals)}
      >
        {capitals ? "abc" : "ABC"}
      </button>
      <button type="button" aria-label={say(BEDS.delete_last)} onClick={onBack}>
        ⌫
      </button>
    </div>
  );
}
