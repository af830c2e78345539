// The weight of the patient's last session, beside the field for the present one (PRG-07).

import { Amount } from "./Facts.tsx";
import type { Live, WeightOnRecord } from "../state/types.ts";
import { day, decimal } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { weightOf } from "../words/terms.ts";
import { OBSERVE } from "../words/texts/observe.ts";

export function OnRecord({ live, record, patient }: { live: Live; record: WeightOnRecord; patient: string }) {
  return (
    <p class="on-record" data-testid="on-record">
      <span>{say(OBSERVE.weight_on_record, { patient })}</span>
      <Amount of={decimal(record.weight_kg)} unit="kg" />
      <small>
        {weightOf(record.basis)}, {day(record.ts, live.utc_offset_min)}
      </small>
    </p>
  );
}
