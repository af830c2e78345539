// Badge and PIN, typed or entered on large keys. The PIN is never shown.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Known } from "./known.ts";
import { say } from "../words/say.ts";
import { PERSON } from "../words/texts/person.ts";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const LONGEST = 12;

interface Props {
  who: string;
  button: string;
  disabled: boolean;
  /** People who may be chosen by a touch instead of their badge's number. */
  known?: readonly Known[];
  onDone: (badge: string, pin: string) => void;
}

export function Keypad({ who, button, disabled, known = [], onDone }: Props) {
  const only = known.length === 1 ? known[0]!.badge : "";
  const [badge, setBadge] = useState(only);
  const [pin, setPin] = useState("");
  const [into, setInto] = useState<"badge" | "pin">(only ? "pin" : "badge");
  const pinField = useRef<HTMLInputElement>(null);
  const badgeField = useRef<HTMLInputElement>(null);
  const press = (key: string) => {
    if (disabled) return; // a double touch of the last digit is no digit of the next try
    if (into === "badge") return setBadge((badge + key).slice(0, 32));
    const typed = (pin + key).slice(0, LONGEST);
    if (typed.length === known.find((each) => each.badge === badge)?.digits && !disabled) return done(typed);
    return setPin(typed);
  };
  const done = (typed: string) => {
    setPin("");
    onDone(badge, typed);
  };
  const back = () => (into === "badge" ? setBadge(badge.slice(0, -1)) : setPin(pin.slice(0, -1)));
  const ready = badge !== "" && pin !== "" && !disabled;
  const toPin = () => {
    setInto("pin");
    pinField.current?.focus({ preventScroll: true }); // so that a keyboard types there too
  };
  useEffect(() => {
    // A badge that is scanned arrives here, unless a person is typing into another field.
    const catchScan = (event: KeyboardEvent) => {
      const busyElsewhere = document.activeElement?.matches("input, select, textarea, button");
      if (!/^[A-Za-z0-9]$/.test(event.key) || busyElsewhere) return;
      setBadge(""); // a whole badge comes
      setPin("");
      badgeField.current?.focus({ preventScroll: true });
    };
    document.addEventListener("keydown", catchScan, true);
    return () => document.removeEventListener("keydown", catchScan, true);
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (into === "badge" && badge && !pin) return toPin();
    if (!ready) return;
    done(pin);
  };
  return (
    <form class="keypad-form" onSubmit={submit} aria-label={who} autocomplete="off">
      <div class="keypad-fields">
        {known.length > 0 && (
          <div class="options" role="group" aria-label={say(PERSON.lately)}>
            {known.map((each) => (
              <button
                type="button"
                key={each.badge}
                aria-pressed={badge === each.badge}
                onClick={() => {
                  setBadge(each.badge);
                  setPin(""); // what another person began
                  toPin();
                }}
              >
                {each.name}
              </button>
            ))}
          </div>
        )}
        <label class={into === "badge" ? "field active" : "field"}>
          <span>{say(PERSON.badge)}</span>
          <input
            name="badge"
            ref={badgeField}
            value={badge}
            inputMode="none"
            autocomplete="off"
            onFocus={() => setInto("badge")}
            onInput={(event) => setBadge(event.currentTarget.value.slice(0, 32))}
          />
        </label>
        <label class={into === "pin" ? "field active" : "field"}>
          <span>{say(PERSON.pin)}</span>
          <input
            name="pin"
            ref={pinField}
            type="password"
            value={pin}
            inputMode="none"
            autocomplete="off"
            onFocus={() => setInto("pin")}
            onInput={(event) => setPin(event.currentTarget.value.slice(0, LONGEST))}
          />
        </label>
        <button type="submit" class="primary" disabled={!ready && !(into === "badge" && badge !== "")}>
          {into === "badge" && !pin ? say(PERSON.next_pin) : button}
        </button>
      </div>
      <div class="keypad" role="group" aria-label={say(PERSON.keypad)}>
        {KEYS.map((key) => (
          <button type="button" key={key} onClick={() => press(key)}>
            {key}
          </button>
        ))}
        <button type="button" onClick={() => (into === "badge" ? setBadge("") : setPin(""))}>
          {say(PERSON.clear)}
        </button>
        <button type="button" onClick={() => press("0")}>
          0
        </button>
        <button type="button" aria-label={say(PERSON.delete_last)} onClick={back}>
          ⌫
        </button>
      </div>
    </form>
  );
}
