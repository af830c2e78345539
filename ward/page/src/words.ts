// Numbers, times and names as the page shows them.

export const STATES: Record<string, string> = {
  ordered: "Ordered",
  loading: "Loading",
  ready: "Ready",
  armed: "Armed",
  starting: "Starting",
  running: "Running",
  completing: "Completing",
  pausing: "Pausing",
  paused: "Paused",
  stopping: "Stopping",
  uncertain: "Uncertain",
  tripped: "Tripped",
  completed: "Completed",
  stopped: "Stopped",
  abandoned: "Abandoned",
};

/** As on the tablet: never by colour alone. */
export const MARKS: Record<string, string> = { high: "!!!", medium: "!!", low: "!" };

export const NOTHING = "–";

/** At most so many decimals, a leading zero always, a trailing zero never. */
export function number(value: number | null | undefined, unit: string, decimals = 1): string {
  if (value === null || value === undefined) return NOTHING;
  return `${String(Number(value.toFixed(decimals)))} ${unit}`;
}

/** "1 alarm", "2 alarms", "2 entries". */
export const count = (many: number, one: string, several = `${one}s`): string =>
  `${many} ${many === 1 ? one : several}`;

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NOTHING;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** A length of time that is a whole number of minutes, hours or days. */
export const whole = (seconds: number): string => duration(seconds).replace(/ 0 \w+$/, "");

/** Under a curve, by the clock of this screen: the day where one begins or where hours would not fit. */
export function onAxis(at: Date, between_s: number): string {
  const day = between_s >= 86_400 || (at.getHours() === 0 && at.getMinutes() === 0);
  return at.toLocaleString("en-GB", day ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" });
}

export function time(iso: string | null | undefined): string {
  if (!iso) return NOTHING;
  return new Date(iso).toLocaleString("en-GB", { dateStyle: "short", timeStyle: "medium" });
}

/** Seconds by which a clock may be off without a word about it. */
export const CLOCK_OFF_S = 5;

/** A time by the clock of a gateway, which was so many seconds ahead when it was written. */
export function timeOf(iso: string, ahead_s: number | null): string {
  return (ahead_s ?? 0) > CLOCK_OFF_S ? `${time(iso)} by its clock, which was ${duration(ahead_s)} ahead` : time(iso);
}

/** The value of an `input type="datetime-local"`, in the time zone of this screen. */
export function localInput(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export const fromLocalInput = (text: string): string => (text ? new Date(text).toISOString() : "");
