// Badge and PIN, typed or entered on large keys. The PIN is never shown.

import { useState } from "preact/hooks";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const LONGEST = 12;

interface Props {
  who: string;
  button: string;
  disabled: boolean;
  onDone: (badge: string, pin: string) => void;
}

export function Keypad({ who, button, disabled, onDone }: Props) {
  const [badge, setBadge] = useState("");
  const [pin, setPin] = useState("");
  const [into, setInto] = useState<"badge" | "pin">("badge");
  const press = (key: string) =>
    into === "badge" ? setBadge((badge + key).slice(0, 32)) : setPin((pin + key).slice(0, LONGEST));
  const back = () => (into === "badge" ? setBadge(badge.slice(0, -1)) : setPin(pin.slice(0, -1)));
  const ready = badge !== "" && pin !== "" && !disabled;
  const submit = (event: Event) => {
    event.preventDefault();
    if (into === "badge" && badge && !pin) return setInto("pin");
    if (!ready) return;
    setPin("");
    onDone(badge, pin);
  };
  return (
    <form class="keypad-form" onSubmit={submit} aria-label={who} autocomplete="off">
      <div class="keypad-fields">
        <label class={into === "badge" ? "field active" : "field"}>
          <span>Badge number</span>
          <input
            name="badge"
            value={badge}
            inputMode="none"
            autocomplete="off"
            onFocus={() => setInto("badge")}
            onInput={(event) => setBadge(event.currentTarget.value.slice(0, 32))}
          />
        </label>
        <label class={into === "pin" ? "field active" : "field"}>
          <span>PIN</span>
          <input
            name="pin"
            type="password"
            value={pin}
            inputMode="none"
            autocomplete="off"
            onFocus={() => setInto("pin")}
            onInput={(event) => setPin(event.currentTarget.value.slice(0, LONGEST))}
          />
        </label>
        <button type="submit" class="primary" disabled={!ready && !(into === "badge" && badge !== "")}>
          {into === "badge" && !pin ? "Next: PIN" : button}
        </button>
      </div>
      <div class="keypad" role="group" aria-label="Keypad">
        {KEYS.map((key) => (
          <button type="button" key={key} onClick={() => press(key)}>
            {key}
          </button>
        ))}
        <button type="button" onClick={() => (into === "badge" ? setBadge("") : setPin(""))}>
          Clear
        </button>
        <button type="button" onClick={() => press("0")}>
          0
        </button>
        <button type="button" aria-label="Delete the last digit" onClick={back}>
          ⌫
        </button>
      </div>
    </form>
  );
}
