// The treatments of one patient and their courses: what was given and what not, what is planned, what is due next.
// Nothing of it starts anything.

import { useState } from "preact/hooks";
import type { BedProps } from "../parts/props.ts";
import { CourseCard } from "../parts/CourseCard.tsx";
import { CourseOrder } from "../parts/CourseOrder.tsx";
import { may } from "../parts/NeedsSignIn.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { Scan } from "../parts/Scan.tsx";
import { SignInHere } from "../parts/SignInHere.tsx";
import { Suspects } from "../parts/Suspects.tsx";
import { Treatments } from "../parts/Treatments.tsx";
import { usePatient } from "../parts/patient.ts";
import { day, decimal } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { weightOf } from "../words/terms.ts";
import { BEDS } from "../words/texts/beds.ts";
import { COURSE } from "../words/texts/course.ts";
import { ORDER } from "../words/texts/order.ts";

export function Course(props: BedProps) {
  const { page, live, pump } = props;
  const [scanned, setScanned] = useState("");
  const sees = may(page, "prescribe") || may(page, "confirm");
  const patient = scanned || pump.patient || "";
  const { history, reasons, refresh } = usePatient(patient, sees, pump.infusion?.state);
  if (!live.person)
    return (
      <section class="narrow">
        <SignInHere what={say(COURSE.to_see)} />
      </section>
    );
  if (!sees) return <p class="note">{say(COURSE.needs_role)}</p>;
  return (
    <section class="narrow course-screen" aria-label={say(COURSE.screen)}>
      {patient && (
        <h2>
          {say(COURSE.patient, { patient })}
          {scanned && pump.patient !== scanned && <small class="muted"> {say(COURSE.not_of_pump)}</small>}
        </h2>
      )}
      <Reasons reasons={reasons} title={say(ORDER.history_missing)} />
      {history && (
        <>
          <Suspects {...props} suspects={history.suspects} onCorrected={refresh} />
          {history.weight && (
            <p>
              {say(COURSE.weight, {
                weight: decimal(history.weight.weight_kg),
                which: weightOf(history.weight.basis),
                day: day(history.weight.ts, live.utc_offset_min),
              })}
            </p>
          )}
          {history.courses
            .filter(({ ordered }) => ordered) // what belongs to no course is among the treatments
            .map((course) => (
              <CourseCard key={course.course} {...props} patient={patient} course={course} onChanged={refresh} />
            ))}
          <h2>{say(COURSE.treatments)}</h2>
          <Treatments live={live} history={history} />
          {may(page, "prescribe") && <CourseOrder patient={patient} onOrdered={refresh} />}
        </>
      )}
      <Scan
        key={patient}
        label={say(patient ? COURSE.another : COURSE.whose)}
        hint={say(BEDS.scan_hint)}
        button={say(COURSE.show)}
        waiting={!patient}
        onScan={setScanned}
      />
    </section>
  );
}
