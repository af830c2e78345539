// A mock of a gateway, for work on the page's appearance: `make page && cd pumpd/bedside/page && npm run mock`.
//
//   http://127.0.0.1:8480/          paired already; any badge with a PIN of zeros signs in
//   /mock?scene=paused              shows a scene of scenes.ts; order, hold, pause and so on change it as a gateway would
//   /mock?certificate=12            the gateway's certificate ends in so many days
//   /mock?person=20417&name=R.%20Weiss  ?patient=P-1  ?roles=view,confirm  ?library=0  ?unpaired=1  ?silent=1  ?running=900  ?still=1
//
// It checks nothing: take nothing here for a rule of pumpd.

import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join, normalize } from "node:path";
import { canonical, sha256 } from "../src/wire/canonical.ts";
import type { Infusion, Person, Point, Role } from "../src/state/types.ts";
import { band, history, ofRest } from "./patients.ts";
import { said } from "./said.ts";
import { infusion, live, pump, REVIEW, SCENES } from "./scenes.ts";

const PORT = Number(process.argv[2] ?? 8480);
const STATIC = join(import.meta.dirname, "..", "..", "static");
const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
  png: "image/png",
  webmanifest: "application/manifest+json",
};

const PAIRING_WORD = "JYXQ-7TKD"; // tools/tablet_pictures.py types it

let scene = "idle";
let turn = 0; // how often /mock changed it: a test waits until the page has drawn that
let running = 0;
let person: Person | null = null;
let roles: Role[] = ["view", "confirm", "prescribe", "maintain"];
let library = true;
let unpaired = false;
let silent = false;
let own: Infusion | null = null;
let patient: string | null | undefined; // as changed here; undefined: as in the scene
let pausedAudioUntil = 0;
let pauseReason: string | null = null;
let certificate: { days_left: number; ending: boolean } | null = null;
let still = false;
const now = () => (still ? Date.parse("2026-11-26T13:12:00.000Z") : Date.now()); // for pictures, time is fixed
const streams = new Map<ServerResponse, string>(); // and the language of each

const pumps = () =>
  own
    ? [
        pump("bed1", own, {
          ends_ts: new Date(now() + (2400 - running) * 1000).toISOString(),
          pause: {
            used: own.pauses,
            most: 3,
            single_left_s: 300,
            total_left_s: 600,
            left_s: own.state === "paused" ? 300 : null,
            reason: own.state === "paused" ? pauseReason : null,
          },
        }),
      ]
    : SCENES[scene]!(now(), running);
const state = () => ({
  ...live(
    pumps().map((each) => (patient === undefined ? each : { ...each, patient })),
    person,
    now(),
  ),
  turn,
  certificate,
  audio: pausedAudioUntil > now() ? { paused_left_s: (pausedAudioUntil - now()) / 1000, by: "20417" } : null,
});
const points = (): Point[] =>
  Array.from({ length: Math.floor(running / 10) }, (_, at): Point => [
    at * 10,
    (at * 10 * 52.5) / 3600 + Math.sin(at / 9) * 0.02,
    52.5,
    80 + Math.round(6 * Math.sin(at / 5)),
  ]);

function send(out: ServerResponse, event: string, data: object) {
  const whole = { ...data, said: said(data, streams.get(out) ?? "en") };
  if (!silent) out.write(`id: 1\nevent: ${event}\ndata: ${JSON.stringify(whole)}\n\n`);
}

const tell = () => [...streams.keys()].forEach((out) => send(out, "state", state()));

setInterval(() => {
  if (
    !still &&
    (["running", "alarms", "ward", "medium", "low", "restRunning"].includes(scene) || own?.state === "running")
  )
    running += 1;
  if (own)
    own = {
      ...infusion(
        own.state === "stopping"
          ? "stopped"
          : own.state === "starting"
            ? "running"
            : own.state === "loading"
              ? "ready"
              : own.state,
        running,
        own.review,
      ),
      action: own.action,
    };
  tell();
}, 1000);
setInterval(() => streams.forEach((_, out) => send(out, "beat", { ts: new Date().toISOString() })), 2000);

type Fields = Record<string, unknown>;

/** The review of a dose for 70 kg at 1 mg/mL over 40 minutes. */
function ofDose(mg_kg: number) {
  const volume_ml = String(Math.round(mg_kg * 70 * 10) / 10);
  const steps = [{ rate_ml_h: String(Math.round(mg_kg * 70 * 15) / 10), volume_ml }];
  return { ...REVIEW, dose_mg_kg: String(mg_kg), dose_mg: volume_ml, vtbi_ml: volume_ml, steps, read_back: null };
}

async function asked(fields: Fields): Promise<[number, Fields]> {
  const signedIn = person !== null;
  const no = (status: number, ...reasons: string[]): [number, Fields] => [status, { ok: false, reasons, result: {} }];
  const yes = (result: Fields = {}): [number, Fields] => [200, { ok: true, result, reasons: [] }];
  const become = (to: Infusion): [number, Fields] => ((own = to), tell(), yes());
  switch (fields["op"]) {
    case "sign_in":
      if (!/^0{4,12}$/.test(String(fields["pin"]))) return no(403, "sign_in: badge or PIN is wrong");
      person = {
        badge: String(fields["badge"]),
        name: "R. Weiss",
        roles,
        idle_left_s: 180,
      };
      tell();
      return yes({ person, idle_s: 180 });
    case "sign_out":
      person = null;
      tell();
      return yes();
    case "touch":
      if (person) person.idle_left_s = 180;
      return yes();
    case "preview": {
      const dose = parseFloat(String(fields["dose"] ?? "0"));
      const typed = fields["weight_from_record"] ? NEEDED.filter((each) => each !== "weight_again") : NEEDED;
      const holds = dose * parseFloat(String(fields["weight"]));
      const containers = Object.keys(USABLE_ML).filter((each) => holds <= USABLE_ML[each]!);
      const reasons = [
        ...typed.filter((each) => !fields[each]).map((each) => `${each}: is missing`),
        ...(fields["weight"] && fields["weight_again"] && fields["weight"] !== fields["weight_again"]
          ? [
              `weight_again: ${String(fields["weight_again"])} is not the ${String(fields["weight"])} that was typed first (PRG-07)`,
            ]
          : []),
        ...(dose > 1 ? [`dose: ${dose} mg/kg is above the hard limit of 1 mg/kg (PRG-04)`] : []),
      ];
      const overrides = (fields["overrides"] ?? {}) as Fields;
      const soft =
        dose > 0.75
          ? [
              {
                id: "dose_high",
                field: "dose",
                text: `${dose} mg/kg is above the soft limit of 0.75 mg/kg`,
                overridden: "dose_high" in overrides,
              },
            ]
          : [];
      const weighs = parseFloat(String(fields["weight"] ?? "70"));
      if (weighs < 63 || weighs > 77)
        soft.push({
          id: "weight_change",
          field: "weight",
          text: `${weighs} kg differs by more than 10 % from 70 kg, the actual weight on record`,
          overridden: "weight_change" in overrides,
        });
      const found = history(now(), String(fields["patient"]));
      return reasons.length
        ? [422, { ok: false, reasons, result: { soft, containers } }]
        : yes({ review: ofDose(dose), soft, course: null, on_record: found.weight, plasma: band(), containers });
    }
    case "history": {
      const token = String(fields["patient"]);
      const found = history(now(), token, { after: token === "P-6006", suspect: token === "P-9999" });
      for (const each of found.treatments) if (!["interrupted", "moved"].includes(scene)) each.rest = null;
      return yes({ ...found });
    }
    case "plasma":
      return yes({ plasma: band() });
    case "preview_rest":
    case "rest": {
      const minutes = fields["duration"] ? parseFloat(String(fields["duration"])) : 20;
      if (minutes < 20)
        return no(422, `duration: the rest in ${minutes} min would be faster than the first program: at least 20 min`);
      const review = ofRest(REVIEW, minutes, String(fields["container"] ?? "50 mL"));
      if (fields["op"] === "rest") return ((scene = "restReady"), yes({ session: "20261126-02" }));
      return yes({ review: { ...review, read_back: null }, soft: [], course: null, plasma: band(minutes, 200) });
    }
    case "correct_dose":
      return (fields["second"] as Fields)["pin"] === "0000" ? yes() : no(403, "second: badge or PIN is wrong");
    case "order":
      return become(infusion("loading", (running = 0), { ...REVIEW, patient: String(fields["patient"]) }));
    case "challenge": {
      const review = pumps()[0]?.infusion?.review ?? REVIEW;
      const binding = {
        nonce: "n1",
        digest: review.digest,
        action: "start",
        serial: review.serial,
        channel: 1,
        session: "20261126-01",
        gateway: "ward-7",
        expires_ns: "60000000000",
      };
      return signedIn
        ? yes({ binding, valid_s: 60, review, shown: await sha256(canonical(review)) })
        : no(401, "sign_in: nobody is signed in");
    }
    case "confirm":
      return become(infusion("starting", running, own?.review));
    case "associate":
    case "dissociate":
      patient = typeof fields["patient"] === "string" ? fields["patient"] : null;
      tell();
      return yes();
    case "pause":
      pauseReason = "";
      return become({ ...infusion("paused", running), pauses: 1, reason: "pause requested (by R. Weiss)" });
    case "pause_reason":
      pauseReason = String(fields["reason"]);
      tell();
      return yes();
    case "resume":
      return become({ ...infusion("ready", running), action: "resume" });
    case "pause_audio":
      pausedAudioUntil = now() + 120_000;
      return yes();
    default:
      return yes();
  }
}

async function answer(request: IncomingMessage, out: ServerResponse) {
  const url = new URL(request.url ?? "/", "http://mock");
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = (chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : {}) as Fields;
  const language = String(url.searchParams.get("language") ?? request.headers["accept-language"] ?? "").slice(0, 2);
  const json = (status: number, content: Fields) =>
    out
      .writeHead(status, { "Content-Type": "application/json" })
      .end(JSON.stringify({ ...content, said: said(content, language) }));
  const ok = (result: Fields) => json(200, { ok: true, result, reasons: [] });
  if (url.pathname === "/mock") {
    for (const [name, value] of url.searchParams) {
      if (name === "scene" && value in SCENES)
        [scene, own, patient, pauseReason, pausedAudioUntil, running] = [
          value,
          null,
          undefined,
          null,
          0,
          value === "running" ||
          value === "restRunning" ||
          value === "stopping" ||
          value === "alarms" ||
          value === "ward" ||
          value === "medium" ||
          value === "low"
            ? 1006
            : 0,
        ];
      if (name === "roles") roles = value.split(",") as Role[];
      if (name === "library") library = value !== "0";
      if (name === "person")
        person = value
          ? {
              badge: value,
              name: url.searchParams.get("name") ?? "R. Weiss",
              roles,
              idle_left_s: Number(url.searchParams.get("idle") ?? 180),
            }
          : null;
      if (name === "patient") patient = value || null;
      if (name === "running") running = Number(value);
      if (name === "unpaired") unpaired = value === "1";
      if (name === "certificate")
        certificate = value ? { days_left: Number(value), ending: Number(value) <= 30 } : null;
      if (name === "silent") silent = value === "1";
      if (name === "still") still = value === "1";
    }
    if (!silent) turn += 1;
    tell();
    return ok({ scene, running, turn });
  }
  const tablet = { id: "0000000000000000", name: "ward 7, bed 1", roles: ["view", "confirm", "prescribe", "maintain"] };
  switch (url.pathname) {
    case "/api/about":
      return ok({
        gateway: "ward-7",
        version: "0",
        statement: "mock",
        simulated: true,
        paired: !unpaired,
        tablet: null,
        bench: true,
      });
    case "/api/nonce":
      return ok({ nonce: "n" });
    case "/api/hello":
      return unpaired ? json(403, { ok: false, reasons: ["hello: this tablet is not paired"] }) : ok({ tablet });
    case "/api/pair":
      return ok(pairing(String(body["window"]), String(body["commitment"])));
    case "/api/pair/reveal":
      return ok({ expires_s: 120 });
    case "/api/alive":
      return ok({});
    case "/api/stop":
      own = { ...(pumps()[0]?.infusion ?? infusion("stopped", running)), state: "stopping", may_flow: true };
      return ok({});
    case "/api/library":
      return library ? ok(LIBRARY) : json(503, { ok: false, reasons: ["library: it is not loaded"], result: {} });
    case "/api/request": {
      const [status, content] = await asked(JSON.parse(String(body["request"])) as Fields);
      return json(status, content);
    }
    case "/api/live":
      out.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      streams.set(out, language);
      out.on("close", () => streams.delete(out));
      send(out, "history", { session: "20261126-01", points: points(), alarms: [] });
      return send(out, "state", state());
    default:
      if (url.pathname.startsWith("/api/pair/")) return ok({ state: "waiting", tablet: null });
      if (url.pathname.startsWith("/api/bench/")) return ok(BENCH);
      return file(url.pathname, out);
  }
}

/** The answer of a gateway whose pairing word is PAIRING_WORD. */
function pairing(window: string, commitment: string) {
  const [gateway, nonce] = ["ward-7", "0".repeat(64)];
  const signed = ["pumpd-pairing-v2 answer", window, commitment, gateway, nonce].join("\n");
  return { gateway, nonce, proof: createHmac("sha256", PAIRING_WORD).update(signed).digest("hex"), expires_s: 120 };
}

async function file(path: string, out: ServerResponse) {
  const name = normalize(path === "/" ? "/index.html" : path);
  const content = await readFile(join(STATIC, name)).catch(() => null);
  if (!content) return out.writeHead(404).end();
  return out
    .writeHead(200, {
      "Content-Type": TYPES[name.split(".").pop() ?? ""] ?? "application/octet-stream",
      "Content-Security-Policy": "default-src 'self'",
      "Cache-Control": "no-cache",
    })
    .end(content);
}

const DOSE = {
  default: "0.5 mg/kg",
  hard_min: "0.1 mg/kg",
  soft_min: "0.3 mg/kg",
  soft_max: "0.75 mg/kg",
  hard_max: "1 mg/kg",
};
const DURATION = { default: "40 min", hard_min: "40 min", soft_min: "40 min", soft_max: "40 min", hard_max: "100 min" };
const WEIGHT = { hard_min: "30 kg", soft_min: "40 kg", soft_max: "150 kg", hard_max: "200 kg" };
const NEEDED = ["weight", "weight_again", "weight_basis", "dose", "duration", "container", "patient"];
const USABLE_ML: Record<string, number> = { "50 mL": 49, "60 mL": 59, "20 mL": 19, "10 mL": 9 };
const GENTLE = [
  { time: "0.25", dose: "0.125" },
  { time: "0.75", dose: "0.875" },
];
const entry = (id: string, name: string, concentration_mg_ml: string, profile: typeof GENTLE = []) => ({
  id,
  name,
  profile,
  drug: "ketamine",
  concentration_mg_ml,
  containers: ["50 mL", "60 mL", "20 mL", "10 mL", "100 mL bag"],
  double_check: false,
  dose: DOSE,
  duration: DURATION,
  weight: WEIGHT,
  infusions: 6,
});
const LIBRARY = {
  entries: [
    entry("ketamine-1mg-ml", "Ketamine 1 mg/mL, constant rate", "1"),
    entry("ketamine-1mg-ml-gentle", "Ketamine 1 mg/mL, gentle start", "1", GENTLE),
    entry("ketamine-2mg-ml", "Ketamine 2 mg/mL, constant rate", "2"),
  ],
  containers: [{ name: "50 mL", volume_ml: "50" }],
  weight_bases: ["actual", "ideal", "adjusted"],
};
const BENCH = {
  truth: { state: "infusing", rate_ml_h: "52.4137", delivered_ml: "14.6421", pressure_mmhg: 84, air_ml: 0 },
  reading: { state: "infusing", rate_ml_h: "52.5", delivered_ml: "14.67", pressure_mmhg: 84 },
  faults: ["occlusion", "air", "door_open", "mute", "lose_replies", "reset", "rate_times_ten"].map((name, at) => ({
    name,
    on: at === 0,
    text: name,
  })),
  speed: 60,
  trace: Array.from({ length: 12 }, (_, at) => ({
    ts: `2026-11-26T13:50:${String(at).padStart(2, "0")}.120Z`,
    direction: at % 2 ? "in" : "out",
    text: at % 2 ? "00I14.67ML" : "0DIS",
  })),
};

createServer(
  (request, out) => void answer(request, out).catch((error: unknown) => out.writeHead(500).end(String(error))),
).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}/`));
