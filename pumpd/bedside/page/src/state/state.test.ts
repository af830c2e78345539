import assert from "node:assert/strict";
import { test } from "node:test";
import { activeAlarms, audible, pauseLeft } from "../alarm/active.ts";
import { freshness, gatewayNow } from "./fresh.ts";
import { EMPTY, EVERY, reduce, type Message, type Page } from "./page.ts";
import { stopShows } from "./stopping.ts";
import type { Alarm, Infusion, Live, Pump } from "./types.ts";

const TS = "2026-11-26T13:52:00.000Z";

const pump = (fields: Partial<Pump> = {}): Pump =>
  ({
    pump: "bed1",
    simulated: true,
    pump_state: "infusing",
    stopped: false,
    age_s: 0.5,
    alarms: [],
    infusion: { may_flow: true, state: "running" } as Infusion,
    ...fields,
  }) as Pump;
const stopped = (fields: Partial<Pump> = {}): Pump =>
  pump({
    pump_state: "stopped",
    stopped: true,
    infusion: { may_flow: false, state: "stopped" } as Infusion,
    ...fields,
  });
const live = (pumps: Pump[], fields: Partial<Live> = {}): Live =>
  ({ gateway: "g", ts: TS, simulated: true, person: null, pumps, ...fields }) as Live;
const alarm = (code: string, priority: Alarm["priority"], fields: Partial<Alarm> = {}): Alarm => ({
  code,
  priority,
  cause: "Cause",
  action: "Action",
  ...fields,
});

const after = (...messages: [number, Message][]): Page =>
  messages.reduce((page, [at, message]) => reduce(page, message, at), EMPTY);
const state = (pumps: Pump[], fields: Partial<Live> = {}): Message => ({ kind: "state", live: live(pumps, fields) });

test("values are fresh for 7 s, then old, and dead after 15 s of silence", () => {
  const page = after([1000, state([pump({ age_s: 0 })])]);
  assert.equal(freshness(stopped(), page, 7999), "fresh");
  assert.equal(freshness(stopped(), page, 8000), "old");
  assert.equal(freshness(stopped(), page, 15_999), "old");
  assert.equal(freshness(stopped(), page, 16_000), "dead");
});

test("a beat shows that the link works, not that the pump was read", () => {
  const page = after([0, state([pump({ age_s: 1 })])], [9000, { kind: "beat" }]);
  assert.equal(freshness(stopped(), page, 9500), "fresh");
  assert.equal(freshness(pump({ age_s: 1 }), page, 9500), "old");
});

test("an old reading greys a flowing pump though the tablet's own link is fine", () => {
  const page = after([0, state([pump({ age_s: 20 })])]);
  assert.equal(freshness(pump({ age_s: 20 }), page, 0), "dead");
  assert.equal(freshness(stopped({ age_s: 2000 }), page, 0), "fresh", "a pump that may not flow need not be read");
});

test("the gateway's clock runs on from what it sent, whatever the tablet's clock does", () => {
  const page = after([5000, state([])]);
  assert.equal(gatewayNow(page, 65_000), Date.parse(TS) + 60_000);
});

test("points that come twice count once, and a new session starts empty", () => {
  const page = after(
    [
      0,
      {
        kind: "history",
        part: {
          session: "s",
          points: [
            [0, 0, 52.5, null],
            [1, 0.01, 52.5, 30],
          ],
        },
      },
    ],
    [
      1,
      {
        kind: "history",
        part: {
          session: "s",
          points: [
            [1, 0.01, 52.5, 30],
            [2, 0.02, 52.5, 31],
          ],
        },
      },
    ],
    [2, { kind: "history", part: { session: "t", points: [[0, 0, 30, null]] } }],
  );
  assert.deepEqual(
    page.tracks["s"]?.map(([elapsed]) => elapsed),
    [0, 1, 2],
  );
  assert.equal(page.tracks["t"]?.length, 1);
});

test("a whole history replaces what was known", () => {
  const page = after(
    [0, { kind: "history", part: { session: "s", points: [[5, 0.05, 52.5, null]] } }],
    [
      1,
      {
        kind: "history",
        part: {
          session: "s",
          whole: true,
          points: [
            [0, 0, 52.5, null],
            [5, 0.05, 52.5, null],
          ],
        },
      },
    ],
  );
  assert.deepEqual(
    page.tracks["s"]?.map(([elapsed]) => elapsed),
    [0, 5],
  );
});

test("Stop shows stopping until a state that came after the press reports the pump as stopped", () => {
  const pressed: [number, Message][] = [
    [0, state([pump()])],
    [1000, { kind: "pressed", pump: "bed1" }],
  ];
  assert.equal(stopShows(after(...pressed), "bed1", 1001), "stopping");
  const answered: [number, Message][] = [...pressed, [1100, { kind: "answered", pump: "bed1", refused: null }]];
  assert.equal(stopShows(after(...answered), "bed1", 1200), "stopping");
  assert.equal(stopShows(after(...answered, [1500, state([stopped()])]), "bed1", 1600), "stopped");
  assert.equal(stopShows(after(...answered, [1500, state([stopped()])]), "bed1", 60_000), "ready");
});

test("a stop without an answer for 3 s, or not confirmed by the gateway, sends the nurse to the pump", () => {
  const page = after([0, state([pump()])], [1000, { kind: "pressed", pump: "bed1" }]);
  assert.equal(stopShows(page, "bed1", 3999), "stopping");
  assert.equal(stopShows(page, "bed1", 4000), "unconfirmed");
  const alarmed = after([0, state([pump({ alarms: [alarm("stop_unconfirmed", "high")] })])]);
  assert.equal(stopShows(alarmed, "bed1", 1), "unconfirmed", "also when it was pressed on another tablet");
});

test("an infusion that starts after a stop is not taken for one that the stop did not end", () => {
  const ended: [number, Message][] = [
    [0, state([pump()])],
    [1000, { kind: "pressed", pump: "bed1" }],
    [1100, { kind: "answered", pump: "bed1", refused: null }],
    [1500, state([stopped()])],
  ];
  const again = after(...ended, [20_000, state([pump()])]);
  assert.equal(stopShows(again, "bed1", 20_001), "ready");
  const pressed = reduce(again, { kind: "pressed", pump: "bed1" }, 21_000);
  assert.equal(stopShows(pressed, "bed1", 24_000), "unconfirmed");
});

test("an answer alone is no stop: a pump that the gateway does not report as stopped is not shown as stopped", () => {
  const flows = after(
    [0, { kind: "pressed", pump: "bed1" }],
    [5, { kind: "answered", pump: "bed1", refused: null }],
    [9, state([pump()])],
  );
  assert.equal(stopShows(flows, "bed1", 100), "stopping");
  assert.equal(stopShows(flows, "bed1", 3000), "unconfirmed");
  const unread = after(
    [0, { kind: "pressed", pump: "bed1" }],
    [5, { kind: "answered", pump: "bed1", refused: null }],
    [9, state([stopped({ pump_state: null, stopped: false })])],
  );
  assert.equal(stopShows(unread, "bed1", 3000), "unconfirmed");
});

test("a pump that waits and may start by itself is not shown as stopped, because the gateway does not report it so", () => {
  const waits = pump({ pump_state: "waiting", stopped: false, infusion: null });
  const page = after(
    [0, { kind: "pressed", pump: "bed1" }],
    [5, { kind: "answered", pump: "bed1", refused: null }],
    [9, state([waits])],
  );
  assert.equal(stopShows(page, "bed1", 100), "stopping");
  assert.equal(stopShows(page, "bed1", 3000), "unconfirmed");
});

test("a stop that came too late is shown as such until it is touched again", () => {
  const late = after(
    [0, state([pump()])],
    [5, { kind: "pressed", pump: "bed1" }],
    [9, { kind: "answered", pump: "bed1", refused: null, late: ["bed1"] }],
    [20, state([pump()])],
  );
  assert.equal(stopShows(late, "bed1", 30), "late");
  assert.equal(stopShows(late, "bed1", 60_000), "late");
  const again = reduce(late, { kind: "pressed", pump: "bed1" }, 70_000);
  assert.equal(stopShows(again, "bed1", 70_001), "stopping");
});

test("stop for every pump waits for every pump", () => {
  const pressed: [number, Message][] = [
    [0, { kind: "pressed", pump: EVERY }],
    [5, { kind: "answered", pump: EVERY, refused: null }],
  ];
  const one = after(...pressed, [9, state([stopped(), pump({ pump: "bed2" })])]);
  assert.equal(stopShows(one, EVERY, 100), "stopping");
  assert.equal(stopShows(one, "bed1", 100), "stopped");
  assert.equal(stopShows(one, "bed2", 100), "stopping");
});

test("a revoked tablet no longer shows any patient", () => {
  const page = after([0, state([pump()])], [1, { kind: "identity", identity: "unpaired", tablet: null }]);
  assert.equal(page.live, null);
  assert.deepEqual(activeAlarms(page, 100_000), []);
});

test("a stop from another tablet shows as stopping here", () => {
  const page = after([0, state([pump({ infusion: { may_flow: true, state: "stopping" } as Infusion })])]);
  assert.equal(stopShows(page, "bed1", 1), "stopping");
});

test("alarms of all pumps, highest first, not acknowledged before acknowledged, at least twenty", () => {
  const many = Array.from({ length: 20 }, (_, each) => alarm(`low${each}`, "low"));
  const page = after([
    0,
    state([
      pump({ alarms: [...many, alarm("a", "medium"), alarm("b", "high", { acknowledged_ts: TS })] }),
      pump({ pump: "bed2", alarms: [alarm("c", "high")] }),
    ]),
  ]);
  const active = activeAlarms(page, 1);
  assert.deepEqual(
    active.slice(0, 3).map(({ code }) => code),
    ["c", "b", "a"],
  );
  assert.equal(active.length, 23);
  assert.equal(active[0]?.pump, "bed2");
});

test("an alarm that the page does not understand is shown with high priority", () => {
  const odd = [null, { code: "new", priority: "urgent", cause: "New", action: "Check" }] as unknown as Alarm[];
  const active = activeAlarms(after([0, state([pump({ alarms: odd })])]), 1);
  assert.deepEqual(
    active.map(({ priority, cause }) => [priority, cause]),
    [
      ["high", "An alarm that this page does not know"],
      ["high", "New"],
    ],
  );
});

test("an unfinished order reminds after 30 s, until it is touched again or given up", () => {
  const begun: [number, Message] = [1000, { kind: "drafting", pump: "bed1" }];
  const codes = (page: Page, at: number) => activeAlarms(page, at).map(({ code }) => code);
  assert.deepEqual(codes(after(begun), 30_999), []);
  assert.deepEqual(codes(after(begun), 31_000), ["order_left"]);
  assert.equal(audible(after(begun), 31_000), "low");
  assert.deepEqual(codes(after(begun, [31_500, { kind: "drafting", pump: "bed1" }]), 32_000), []);
  assert.deepEqual(codes(after(begun, [5000, { kind: "drafting", pump: null }]), 90_000), []);
});

test("the sound pauses for as long as the gateway says, and never over 120 s", () => {
  const page = after([0, state([pump({ alarms: [alarm("a", "high")] })], { audio: { paused_left_s: 500, by: "A" } })]);
  assert.equal(pauseLeft(page, 0), 120);
  assert.equal(audible(page, 0), null);
  const ended = after([0, state([pump({ alarms: [alarm("a", "high")] })], { audio: { paused_left_s: 2, by: "A" } })]);
  assert.equal(audible(ended, 1999), null);
  assert.equal(audible(ended, 2000), "high");
});

test("without news a tablet sounds again after 5 s, raises an alarm at 7 s, and a higher one after 60 s of flow", () => {
  const page = after([0, state([pump({ alarms: [alarm("a", "high")] })], { audio: { paused_left_s: 100, by: "A" } })]);
  assert.equal(audible(page, 4999), null);
  assert.equal(audible(page, 5000), "high");
  const quiet = after([0, state([pump()])]);
  assert.equal(audible(quiet, 6999), null);
  assert.equal(audible(quiet, 7000), "low");
  assert.equal(audible(quiet, 60_000), "medium");
  assert.equal(audible(after([0, state([stopped()])]), 60_000), "low");
});
