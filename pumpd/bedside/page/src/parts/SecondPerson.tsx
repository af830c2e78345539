// A second person, by badge and PIN, on the tablet of the first.

import { useState } from "preact/hooks";
import { Keypad } from "./Keypad.tsx";
import { Reasons } from "./Reasons.tsx";

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
        button="I have checked it"
        disabled={false}
        onDone={(badge, pin) =>
          badge === first ? setReasons([`The ${who.toLowerCase()} must be a different person.`]) : onDone(badge, pin)
        }
      />
    </div>
  );
}
