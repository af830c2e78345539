// One bed: the screen for the state of its infusion.

import { Ended } from "./Ended.tsx";
import { Idle } from "./Idle.tsx";
import { Paused } from "./Paused.tsx";
import { Preparing } from "./Preparing.tsx";
import { ReviewScreen } from "./Review.tsx";
import { Running } from "./Running.tsx";
import { Tripped } from "./Tripped.tsx";
import { Uncertain } from "./Uncertain.tsx";
import { Identify } from "../parts/Identify.tsx";
import { ObservationPart } from "../parts/Observation.tsx";
import type { BedProps } from "../parts/props.ts";

export function Bed(props: BedProps) {
  const { infusion, observations = [] } = props.pump;
  const here = observations.find((each) => each.session === infusion?.session); // `Ended` shows it
  return (
    <>
      <Identify {...props} />
      <Screen {...props} />
      {observations
        .filter((each) => each !== here)
        .map((each) => (
          <ObservationPart key={each.session} {...props} observation={each} />
        ))}
    </>
  );
}

function Screen({ page, live, pump }: BedProps) {
  const { infusion } = pump;
  if (!infusion) return <Idle page={page} live={live} pump={pump} />;
  const props = { page, live, pump, infusion };
  const key = `${infusion.session} ${infusion.digest}`; // what was typed for one program is not for the next
  switch (infusion.state) {
    case "ordered":
    case "loading":
      return <Preparing key={key} {...props} />;
    case "ready":
      return <ReviewScreen key={key} {...props} />;
    case "armed":
    case "starting":
    case "running":
    case "completing":
    case "stopping":
      return <Running key={key} {...props} />;
    case "pausing":
    case "paused":
      return <Paused key={key} {...props} />;
    case "tripped":
      return <Tripped key={key} {...props} />;
    case "uncertain":
      return <Uncertain key={key} {...props} />;
    case "completed":
    case "stopped":
    case "abandoned":
      return <Ended key={key} {...props} />;
  }
}
