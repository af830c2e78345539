// Fields of a form, each with its problems right below it.

import type { Ref } from "preact";
import { useId } from "preact/hooks";
import { LONGEST_TEXT } from "../state/limits.ts";
import type { SoftLimit } from "../state/types.ts";
import { wrongNumber } from "../words/entering.ts";
import { calendarDay } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { reasonOf, sentence } from "../words/terms.ts";
import { ORDER } from "../words/texts/order.ts";

export interface FieldState {
  value: string;
  onValue: (value: string) => void;
  problems: string[];
}

interface Labels {
  label: string;
  name: string;
  hint?: string;
}

/** A number in the way of writing of the page; what cannot be read is said here and goes nowhere (PRG-29). */
export function NumberField({
  label,
  name,
  unit,
  hint,
  value,
  onValue,
  problems,
  field,
}: Labels & FieldState & { unit: string; field?: Ref<HTMLInputElement> }) {
  const id = useId();
  const unreadable = wrongNumber(value, unit);
  const wrong = unreadable === null ? problems : [unreadable];
  return (
    <div class={wrong.length ? "field wrong" : "field"}>
      <label for={id}>{label}</label>
      <span class="with-unit">
        <input
          id={id}
          ref={field ?? null}
          name={name}
          inputMode="decimal"
          autocomplete="off"
          value={value}
          aria-invalid={wrong.length > 0}
          aria-describedby={`${id}-help`}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
        <b>{unit}</b>
      </span>
      <Help id={`${id}-help`} hint={hint} problems={wrong} />
    </div>
  );
}

export function TextField({ label, name, hint, value, onValue, problems }: Labels & FieldState) {
  const id = useId();
  return (
    <div class={problems.length ? "field wrong" : "field"}>
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        value={value}
        aria-invalid={problems.length > 0}
        aria-describedby={`${id}-help`}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      <Help id={`${id}-help`} hint={hint} problems={problems} />
    </div>
  );
}

/** A day, shown again in words: browsers write dates in different orders. */
export function DateField({ label, name, value, onValue }: Omit<Labels & FieldState, "problems" | "hint">) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="date"
        name={name}
        value={value}
        aria-describedby={`${id}-help`}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
      <Help id={`${id}-help`} hint={value && calendarDay(value)} problems={[]} />
    </div>
  );
}

function Help({ id, hint, problems }: { id: string; hint: string | undefined; problems: string[] }) {
  return (
    <small id={id} class="help">
      {problems.length
        ? problems.map((text) => (
            <span class="problem" key={text}>
              {sentence(text)}
            </span>
          ))
        : hint}
    </small>
  );
}

interface Option {
  value: string;
  text: string;
  note?: string;
}

/** `hint`: why one of them is chosen already. */
export function Choice({
  legend,
  name,
  options,
  value,
  onValue,
  hint,
  problems,
}: {
  legend: string;
  name: string;
  options: Option[];
  value: string;
  onValue: (value: string) => void;
  hint?: string | undefined;
  problems: string[];
}) {
  return (
    <fieldset class={problems.length ? "choice wrong" : "choice"}>
      <legend>{legend}</legend>
      <div class="options">
        {options.map((each) => (
          <label key={each.value} class={each.value === value ? "option chosen" : "option"}>
            <input
              type="radio"
              name={name}
              value={each.value}
              checked={each.value === value}
              onChange={() => onValue(each.value)}
            />
            <span>
              <span>{each.text}</span>
              {each.note && <small>{each.note}</small>}
            </span>
          </label>
        ))}
      </div>
      {hint && <small class="help">{hint}</small>}
      {problems.map((text) => (
        <small class="problem" key={text}>
          {sentence(text)}
        </small>
      ))}
    </fieldset>
  );
}

/** Exceeded soft limits: each needs a typed reason (PRG-05). */
export function SoftLimits({
  soft,
  overrides,
  onReason,
}: {
  soft: SoftLimit[];
  overrides: Record<string, string>;
  onReason: (id: string, why: string) => void;
}) {
  return (
    <>
      {soft.map(({ id, text }) => (
        <label class="soft" key={id}>
          <b>{sentence(reasonOf(text).text)}</b>
          <span>{say(ORDER.why)}</span>
          <input
            name={`why-${id}`}
            autocomplete="off"
            maxLength={LONGEST_TEXT}
            value={overrides[id] ?? ""}
            onInput={(event) => onReason(id, event.currentTarget.value)}
          />
        </label>
      ))}
    </>
  );
}
