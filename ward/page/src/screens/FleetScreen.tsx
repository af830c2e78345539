// The health of the gateways: version, clock, disk, supply, certificates, and entries that are missing.

import { useAsked } from "../asking.ts";
import { CLOCK_OFF_S, count, duration, NOTHING } from "../words.ts";

interface Status {
  version?: string;
  clock_synchronized?: boolean;
  disk_free_mb?: number;
  disk_mb?: number;
  supply?: string;
  supply_left_s?: number | null;
  under_voltage?: boolean;
  certificates?: Record<string, string>;
  pumps?: { name: string; model: string; simulated: boolean }[];
}

interface Health {
  gateway: string;
  silent: boolean;
  age_s: number;
  ahead_s: number | null;
  missing: number;
  twice: boolean;
  status: Status;
}

const DISK_LEAST = 0.1;
const SOON_DAYS = 30;

export function FleetScreen() {
  const { answer, problem } = useAsked<{ gateways: Health[]; refused: number }>("/api/fleet", {}, 5);
  if (!answer) return <p class="waiting">{problem || "Asking …"}</p>;
  return (
    <>
      <h1>Gateways</h1>
      {problem && (
        <p role="alert" class="bad">
          {problem}
        </p>
      )}
      {answer.refused > 0 && (
        <p class="bad">{count(answer.refused, "message")} could not be understood. See the store's table “refused”.</p>
      )}
      {answer.gateways
        .filter((each) => each.twice)
        .map((each) => (
          <p key={each.gateway} class="bad">
            <b>! {each.gateway}</b>: two machines send under this name. Give each a name of its own.
          </p>
        ))}
      <div class="wide" tabIndex={0} role="region" aria-label="Health of the gateways">
        <table class="digits">
          <thead>
            <tr>
              {[
                "Gateway",
                "Last message",
                "Version",
                "Clock",
                "Disk",
                "Supply",
                "Certificates",
                "Missing",
                "Pumps",
              ].map((each) => (
                <th key={each} scope="col">
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {answer.gateways.map((each) => (
              <tr key={each.gateway}>
                <th scope="row" class={each.twice ? "bad" : ""}>
                  {each.twice && <b>! </b>}
                  {each.gateway}
                </th>
                <Cell bad={each.silent} tight>
                  {each.silent ? `silent for ${duration(each.age_s)}` : `${duration(each.age_s)} ago`}
                </Cell>
                <Cell tight>{each.status.version ?? NOTHING}</Cell>
                <Cell bad={clockOff(each)}>{clock(each)}</Cell>
                <Cell bad={diskFull(each.status)} tight>
                  {disk(each.status)}
                </Cell>
                <Cell bad={each.status.supply === "battery" || each.status.under_voltage === true}>
                  {supply(each.status)}
                </Cell>
                <Cell bad={ending(each.status).some(([, days]) => days < SOON_DAYS)}>{certificates(each.status)}</Cell>
                <Cell bad={each.missing > 0}>{each.missing}</Cell>
                <Cell>
                  {(each.status.pumps ?? [])
                    .map((pump) => `${pump.name} (${pump.model}${pump.simulated ? ", simulated" : ""})`)
                    .join(", ") || NOTHING}
                </Cell>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** What needs a person is marked by a word as well as by colour. */
function Cell({
  bad = false,
  tight = false,
  children,
}: {
  bad?: boolean;
  tight?: boolean;
  children: preact.ComponentChildren;
}) {
  return (
    <td class={`${bad ? "bad" : ""} ${tight ? "tight" : ""}`}>
      {bad && <b>! </b>}
      {children}
    </td>
  );
}

const clockOff = (each: Health) =>
  each.status.clock_synchronized === false || Math.abs(each.ahead_s ?? 0) > CLOCK_OFF_S;

function clock({ ahead_s, status }: Health): string {
  if (ahead_s === null) return NOTHING;
  const off =
    Math.abs(ahead_s) > CLOCK_OFF_S ? `${duration(Math.abs(ahead_s))} ${ahead_s > 0 ? "ahead" : "behind"}` : "right";
  return status.clock_synchronized === false ? `${off}, not synchronised` : off;
}

const diskFull = ({ disk_free_mb, disk_mb }: Status) =>
  disk_free_mb !== undefined && disk_mb !== undefined && disk_free_mb < disk_mb * DISK_LEAST;

const disk = ({ disk_free_mb }: Status) =>
  disk_free_mb === undefined ? NOTHING : `${(disk_free_mb / 1000).toFixed(1)} GB free`;

function supply({ supply: source, supply_left_s, under_voltage }: Status): string {
  const left = source === "battery" && supply_left_s ? `, ${duration(supply_left_s)} left` : "";
  return `${source ?? NOTHING}${left}${under_voltage ? ", voltage low" : ""}`;
}

const ending = ({ certificates: all }: Status): [string, number][] =>
  Object.entries(all ?? {}).map(([name, ends]) => [name, Math.floor((Date.parse(ends) - Date.now()) / 86_400_000)]);

const certificates = (status: Status) =>
  ending(status)
    .map(([name, days]) => (days < 0 ? `${name}: has ended` : `${name}: ${count(days, "day")}`))
    .join(", ") || NOTHING;
