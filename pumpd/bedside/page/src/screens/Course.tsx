// The treatments of one patient and their courses: what was given and what not, what is planned, what is due next.
// Nothing of it starts anything.

import { useState } from "preact/hooks";
import type { BedProps } from "../parts/props.ts";
import { CourseCard } from "../parts/CourseCard.tsx";
import { CourseOrder } from "../parts/CourseOrder.tsx";
import { may, NeedsSignIn } from "../parts/NeedsSignIn.tsx";
import { Reasons } from "../parts/Reasons.tsx";
import { Scan } from "../parts/Scan.tsx";
import { Suspects } from "../parts/Suspects.tsx";
import { Treatments } from "../parts/Treatments.tsx";
import { usePatient } from "../parts/patient.ts";
import { day, decimal } from "../words/numbers.ts";
import { BASIS } from "../words/terms.ts";

export function Course(props: BedProps) {
  const { page, live, pump } = props;
  const [scanned, setScanned] = useState("");
  const sees = may(page, "prescribe") || may(page, "confirm");
  const patient = scanned || pump.patient || "";
  const { history, reasons, refresh } = usePatient(patient, sees, pump.infusion?.state);
  if (!live.person)
    return (
      <section class="narrow">
        <NeedsSignIn pump={pump.pump} what="see the treatments of a patient" />
      </section>
    );
  if (!sees) return <p class="note">To see this, you and this tablet both need the role “confirm” or “prescribe”.</p>;
  return (
    <section class="narrow course-screen" aria-label="Treatments and courses">
      {patient && (
        <h2>
          Patient {patient}
          {scanned && pump.patient !== scanned && <small class="muted"> not the patient of this pump</small>}
        </h2>
      )}
      <Reasons reasons={reasons} title="The history did not come" />
      {history && (
        <>
          <Suspects {...props} suspects={history.suspects} onCorrected={refresh} />
          {history.weight && (
            <p>
              Weight on record: <b class="digits">{decimal(history.weight.weight_kg)}</b> kg,{" "}
              {BASIS[history.weight.basis] ?? history.weight.basis} weight,{" "}
              {day(history.weight.ts, live.utc_offset_min)}
            </p>
          )}
          {history.courses
            .filter(({ ordered }) => ordered) // what belongs to no course is among the treatments
            .map((course) => (
              <CourseCard key={course.course} {...props} patient={patient} course={course} onChanged={refresh} />
            ))}
          <h2>Treatments</h2>
          <Treatments live={live} history={history} />
          {may(page, "prescribe") && <CourseOrder patient={patient} onOrdered={refresh} />}
        </>
      )}
      <Scan
        key={patient}
        label={patient ? "Another patient" : "Whose treatments?"}
        hint="Scan the wristband, or type the patient token. Never a name."
        button="Show"
        waiting={!patient}
        onScan={setScanned}
      />
    </section>
  );
}
