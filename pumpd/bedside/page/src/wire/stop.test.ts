import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { EVERY } from "../state/page.ts";
import { current, dispatch } from "../state/store.ts";
import type { Infusion, Live, Pump } from "../state/types.ts";
import { stop } from "./stop.ts";

interface Sent {
  asked: URLSearchParams;
  credentials: string | undefined;
  dropped: () => boolean;
  answer: (body: unknown, status?: number) => Promise<void>;
}

let sent: Sent[] = [];
let clock = 0;
let slept = 0; // while the tablet sleeps, only its wall clock advances
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

beforeEach(() => {
  sent = [];
  mock.method(performance, "now", () => clock);
  mock.method(Date, "now", () => clock + slept);
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(globalThis, "fetch", (path: string, { signal, credentials }: RequestInit) => {
    let resolve: (response: Response) => void = () => undefined;
    const promise = new Promise<Response>((answered, dropped) => {
      resolve = answered;
      signal?.addEventListener("abort", () => dropped(new Error("dropped")));
    });
    sent.push({
      asked: new URL(path, "https://gateway").searchParams,
      credentials,
      dropped: () => signal?.aborted === true,
      answer: (body, status = 200) => (resolve(new Response(JSON.stringify(body), { status })), settled()),
    });
    return promise;
  });
});

afterEach(() => {
  pass(120_000); // whatever is still repeated ends
  mock.timers.reset();
  mock.restoreAll();
});

/** Time passes in steps, as the browser's timers see it. */
function pass(ms: number): void {
  for (const end = clock + ms; clock < end;) {
    clock += 50;
    mock.timers.tick(50);
  }
}

function shows(pump: string, session: string, state: string): void {
  const infusion = { session, state } as Infusion;
  const pumps = [{ pump, stopped: state === "stopped", alarms: [], infusion } as unknown as Pump];
  dispatch({ kind: "state", live: { gateway: "g", ts: "", person: null, pumps } as unknown as Live });
}

const ages = () => sent.map(({ asked }) => Number(asked.get("age_s")));

test("it is sent within the touch, and again on connections of its own until one answer has come", async () => {
  stop("bed1");
  assert.equal(sent.length, 1);
  assert.equal(sent[0]!.credentials, "same-origin", "the record names this tablet");
  pass(1000);
  assert.deepEqual(ages(), [0, 0.25, 0.95], "the age of each is its own");
  assert.deepEqual(new Set(sent.slice(1).map(({ credentials }) => credentials)), new Set(["omit"]));
  assert.ok(sent.every(({ asked }) => asked.get("pump") === "bed1"));
  await sent[1]!.answer({ ok: true, result: { stopping: ["bed1"] } });
  assert.equal(current().presses["bed1"]?.answered, true);
  assert.ok(
    sent.every((each) => each.dropped()),
    "what has not left the browser never leaves it",
  );
  pass(5000);
  assert.equal(sent.length, 3);
});

test("a refusal is not the end: it may be a gateway without its control", async () => {
  stop("bed1");
  await sent[0]!.answer({ ok: false, reasons: ["no control"] }, 503);
  assert.equal(current().presses["bed1"]?.refused, "no control");
  pass(300);
  assert.equal(sent.length, 2);
});

test("without an answer it is repeated for a minute, and never waits for its own earlier tries", () => {
  stop("bed1");
  pass(90_000);
  assert.ok(ages().at(-1)! >= 59 && ages().at(-1)! <= 60);
  const [, ...gaps] = ages().map((age, at) => age - (ages()[at - 1] ?? 0));
  assert.ok(Math.max(...gaps) <= 0.8);
  stop("bed1");
  pass(30_000);
  assert.ok(sent.filter((each) => !each.dropped()).length <= 5, "a browser opens six connections");
});

test("after a suspended minute it is not sent any more; after a short one with its true age", () => {
  stop("bed1");
  clock += 20_000;
  mock.timers.tick(250);
  assert.deepEqual(ages(), [0, 20]);
  clock += 50_000;
  mock.timers.tick(700);
  assert.equal(sent.length, 2);
});

test("the time that the tablet slept is part of the age", () => {
  stop("bed1");
  slept += 12_000;
  clock += 250;
  mock.timers.tick(250);
  assert.equal(ages()[1], 12.25);
});

test("another touch is another stop: its age begins at zero", () => {
  stop("bed1");
  pass(10_000);
  const before = sent.length;
  stop("bed1");
  assert.equal(ages()[before], 0);
  assert.ok(sent.slice(0, before).every((each) => each.dropped()));
});

test("it names the infusion under way on the screen, and only while what is shown there is fresh", () => {
  shows("bed1", "s1", "running");
  stop("bed1");
  assert.equal(sent.at(-1)!.asked.get("of_session"), "s1");
  pass(8000);
  shows("bed2", "s2", "running");
  stop("bed1");
  assert.equal(sent.at(-1)!.asked.get("of_session"), null, "a pump that is no longer reported");
  stop(EVERY);
  assert.equal(sent.at(-1)!.asked.get("of_session"), null);
  assert.equal(sent.at(-1)!.asked.get("pump"), null);
  pass(8000);
  stop("bed2");
  assert.equal(sent.at(-1)!.asked.get("of_session"), null, "8 s old: another one may be running by now");
});

test("an ended infusion is not named: an order that was just placed would be taken for a later one", () => {
  shows("bed1", "s1", "stopped");
  stop("bed1");
  assert.equal(sent[0]!.asked.get("of_session"), null);
});

test("a state that cannot be read takes no stop away", () => {
  dispatch({ kind: "state", live: { pumps: [{ pump: "bed2", stopped: true }] } as unknown as Live });
  current().live!.pumps = null as never;
  stop("bed1");
  assert.equal(sent[0]!.asked.get("pump"), "bed1");
});

test("a stop that came too late is an answer, and says for which pump", async () => {
  stop("bed1");
  await sent[0]!.answer({ ok: true, result: { stopping: [], already_ended: { bed1: "another one began" } } });
  assert.deepEqual(current().presses["bed1"]?.late, ["bed1"]);
  pass(5000);
  assert.equal(sent.length, 1);
});
