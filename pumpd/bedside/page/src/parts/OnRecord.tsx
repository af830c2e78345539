// The weight of the patient's last session, beside the field for the present one (PRG-07).

import { Amount } from "./Facts.tsx";
import type { Live, WeightOnRecord } from "../state/types.ts";
import { day, decimal } from "../words/numbers.ts";
import { BASIS } from "../words/terms.ts";

export function OnRecord({ live, record, patient }: { live: Live; record: WeightOnRecord; patient: string }) {
  return (
    <p class="on-record" data-testid="on-record">
      <span>Weight on record of {patient}</span>
      <Amount of={decimal(record.weight_kg)} unit="kg" />
      <small>
        {BASIS[record.basis] ?? record.basis} weight, {day(record.ts, live.utc_offset_min)}
      </small>
    </p>
  );
}
