// The weight of the patient and which one it is (PRG-07, PRG-08): confirmed from the record, or typed twice.

import { useEffect, useRef } from "preact/hooks";
import { Choice, NumberField, type FieldState } from "./Fields.tsx";
import { Amount, Fact, Facts } from "./Facts.tsx";
import { OnRecord } from "./OnRecord.tsx";
import type { Draft } from "../state/draft.ts";
import { gatewayNow } from "../state/fresh.ts";
import { useNow } from "../state/store.ts";
import type { Page } from "../state/page.ts";
import type { Entry, Live, WeightOnRecord } from "../state/types.ts";
import { hint } from "../words/entering.ts";
import { day, decimal } from "../words/numbers.ts";
import { say, type Text } from "../words/say.ts";
import { weightOf } from "../words/terms.ts";
import { ORDER } from "../words/texts/order.ts";

interface Props {
  page: Page;
  live: Live;
  draft: Draft;
  entry: Entry;
  bases: readonly string[];
  record: WeightOnRecord | null;
  state: (field: keyof Draft) => FieldState;
  onChange: (to: Draft) => void;
}

/** A basis that a newer gateway has keeps its own word. */
function nameOfBasis(basis: string): string {
  const known = { actual: ORDER.actual, ideal: ORDER.ideal, adjusted: ORDER.adjusted } as Record<string, Text>;
  return known[basis] ? say(known[basis]) : basis;
}

export function WeightFields({ page, live, draft, entry, bases, record, state, onChange }: Props) {
  const at = useNow(5000);
  const [first, again] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  useEffect(() => {
    // The drug was chosen a moment ago: the weight is next, and no touch is needed to get there.
    if (draft.weight === "" && record === null) first.current?.focus({ preventScroll: true });
  }, [entry.id]);
  const wall = gatewayNow(page, at);
  const until = Date.parse(record?.confirmable_until_ts ?? "");
  const confirmable = record !== null && wall !== null && wall < until;
  const untouched = draft.weight === "" && draft.weight_again === "";
  const weightProblems = draft.weight ? state("weight").problems : [];

  if (draft.recorded)
    return (
      <Facts>
        <Fact
          label={say(ORDER.weight)}
          note={`${nameOfBasis(draft.weight_basis)}, ${say(ORDER.confirmed_weight)}`}
          name="weight-confirmed"
          wide
        >
          <Amount of={decimal(draft.weight)} unit="kg" />
          <button
            type="button"
            class="quiet"
            onClick={() => onChange({ ...draft, recorded: false, weight: "", weight_again: "", weight_basis: "" })}
          >
            {say(ORDER.other_weight)}
          </button>
          {[...weightProblems, ...state("weight_again").problems].map((problem) => (
            <small class="problem" key={problem}>
              {problem}
            </small>
          ))}
        </Fact>
      </Facts>
    );
  return (
    <>
      {confirmable && untouched && (
        <button
          type="button"
          class="still"
          onClick={() =>
            onChange({ ...draft, recorded: true, weight: decimal(record.weight_kg), weight_basis: record.basis })
          }
        >
          <span>
            {say(ORDER.still_weight, { weight: decimal(record.weight_kg) })}
            <small>
              {say(ORDER.still_weight_note, {
                day: day(record.ts, live.utc_offset_min),
                weight: weightOf(record.basis),
              })}
            </small>
          </span>
        </button>
      )}
      <div class="row">
        <NumberField
          label={say(ORDER.weight)}
          unit="kg"
          name="weight"
          field={first}
          hint={hint(entry, "weight")}
          {...state("weight")}
        />
        <NumberField
          label={say(ORDER.weight_again)}
          unit="kg"
          name="weight_again"
          field={again}
          hint={say(ORDER.weight_again_hint)}
          {...state("weight_again")}
        />
        {record ? (
          <OnRecord live={live} record={record} patient={draft.patient} />
        ) : (
          <NumberField
            label={say(ORDER.previous_weight)}
            unit="kg"
            name="previous_weight"
            {...state("previous_weight")}
          />
        )}
      </div>
      <Choice
        legend={say(ORDER.which_weight)}
        name="weight_basis"
        value={draft.weight_basis}
        onValue={(basis) => {
          state("weight_basis").onValue(basis);
          if (draft.weight && !draft.weight_again) again.current?.focus({ preventScroll: true });
        }}
        problems={state("weight_basis").problems}
        options={bases.map((basis) => ({ value: basis, text: nameOfBasis(basis) }))}
      />
    </>
  );
}
