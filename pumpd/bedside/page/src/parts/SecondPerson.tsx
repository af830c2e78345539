// A second person, by badge and PIN, on the tablet of the first.

import { useState } from "preact/hooks";
import { Keypad } from "./Keypad.tsx";
import { Reasons } from "./Reasons.tsx";
import { say } from "../words/say.ts";
import { PERSON } from "../words/texts/person.ts";

interface Props {
  title: string;
  /** What this person checks. */
  task: string;
  who: string;
  /** The badge of the first person. */
  first: string;
  onDone: (badge: string, pin: string) => void;
}

export function SecondPerson({ title, task, who, first, onDone }: Props) {
  const [reasons, setReasons] = useState<string[]>([]);
  return (
    <div class="second">
      <h2>{title}</h2>
      <p>{task}</p>
      <Reasons reasons={reasons} />
      <Keypad
        who={who}
        button={say(PERSON.checked)}
        disabled={false}
        onDone={(badge, pin) => (badge === first ? setReasons([say(PERSON.must_differ)]) : onDone(badge, pin))}
      />
    </div>
  );
}
