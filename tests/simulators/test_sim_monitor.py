"""The simulated monitor in virtual time: what it publishes, and what each fault does to it."""

import asyncio
import json
import re
import statistics
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pumpd.vital_signs import Sign, impossible
from pumpd.vitals.message import BadMessageError, read
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.control import application
from pumpd_simulators.faults import FaultError
from pumpd_simulators.monitor.control import MONITOR_ENDPOINTS
from pumpd_simulators.monitor.faults import COURSES, MEANINGS, SENSORS, Kind, MonitorFault
from pumpd_simulators.monitor.monitor import Monitor

WALL = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "pumpsim.md"


class Bed:
    """A monitor, and every message that it published, with its time."""

    def __init__(self, *faults: str, speed: float = 1.0, **options) -> None:
        self.loop = asyncio.get_running_loop()
        self.sent: list[tuple[float, bytes, bool]] = []
        self.monitor = Monitor(
            LoopClock(speed),
            lambda message, retain: self.sent.append((self.loop.time(), message, retain)),
            faults=[MonitorFault.parse(fault) for fault in faults],
            wall=lambda: WALL + timedelta(seconds=self.loop.time()),
            **options,
        )

    @property
    def messages(self) -> list[dict]:
        return [json.loads(message) for _, message, _ in self.sent]

    def values(self, sign: str) -> list[int | None]:
        return [message[sign] for message in self.messages if sign in message]


async def after(seconds: float, *faults: str, **options) -> Bed:
    """A bed after so many of its seconds: a message at 0 s, 1 s, … and before `seconds`."""
    bed = Bed(*faults, **options)
    await asyncio.sleep((seconds - 0.5) / options.get("speed", 1.0))
    bed.monitor.shut()
    return bed


async def test_a_healthy_patient_gives_plausible_signs_once_a_second_that_control_would_take():
    bed = await after(600, patient="P-1")
    assert len(bed.sent) == 600
    for sent, message, retain in bed.sent:
        got, wrong = read(message)
        assert (wrong, got.patient, retain) == ((), "P-1", False)
        assert got.ts == WALL + timedelta(seconds=round(sent))
        assert impossible({Sign(name): value for name, value in got.signs.items()}) == {}
    assert all(94 <= value <= 100 for value in bed.values("spo2_percent"))
    assert all(60 <= value <= 86 for value in bed.values("heart_rate_bpm"))
    assert statistics.pstdev(bed.values("heart_rate_bpm")) > 0.5  # it wanders


async def test_blood_pressure_is_in_the_message_of_each_cuff_measurement_only():
    bed = await after(601, cuff_s=300)
    with_pressure = [round(at) for at, message, _ in bed.sent if b"systolic_mmhg" in message]
    assert with_pressure == [0, 300, 600]


async def test_the_same_seed_gives_the_same_patient_and_another_seed_another():
    first, again, other = [await after(60, seed=seed) for seed in (7, 7, 8)]
    assert first.values("heart_rate_bpm") == again.values("heart_rate_bpm")
    assert first.values("heart_rate_bpm") != other.values("heart_rate_bpm")


async def test_its_speed_gives_more_messages_a_second():
    bed = await after(120, speed=60.0)
    assert len(bed.sent) == 120
    assert bed.sent[-1][0] == pytest.approx(119 / 60)


async def test_silent_publishes_nothing_for_its_time():
    bed = await after(30, "silent@10s/5s")
    assert [round(at) for at, _, _ in bed.sent] == [*range(10), *range(15, 30)]


async def test_frozen_gives_the_same_values_with_the_present_time():
    bed = await after(60, "frozen@10s")
    frozen = bed.messages[11:]
    assert len({json.dumps({**message, "ts": ""}) for message in frozen}) == 1
    assert frozen[-1]["ts"] == (WALL + timedelta(seconds=59)).isoformat(timespec="milliseconds")


@pytest.mark.parametrize("sensor", SENSORS)
async def test_a_sensor_that_is_off_gives_null_and_an_impossible_one_what_control_refuses(sensor):
    off = await after(3, f"sensor-off:{sensor}")
    wrong = await after(3, f"impossible:{sensor}")
    for sign in SENSORS[sensor]:
        assert set(off.values(sign)) == {None}
        assert all(impossible({Sign(sign): value}) for value in wrong.values(sign))
    others = set(Sign) - set(SENSORS[sensor])
    assert all(value is not None for sign in others for value in off.values(sign))


async def test_a_desaturation_reaches_its_value_over_its_time_and_the_patient_recovers():
    bed = await after(300, "desaturation:82,60s@30s/2min")
    spo2 = bed.values("spo2_percent")
    assert min(spo2[:30]) >= 94
    assert 88 <= spo2[60] <= 92  # half of the way from 97.5
    assert set(spo2[90:150]) == {82}
    assert 88 <= spo2[180] <= 92
    assert min(spo2[211:]) >= 94


@pytest.mark.parametrize("kind", COURSES)
async def test_each_course_of_illness_reaches_its_usual_value(kind):
    bed = await after(200, kind, cuff_s=1)
    course = COURSES[kind]
    assert bed.values(course.sign)[-1] == course.reaches
    message, _ = read(bed.sent[-1][1])
    assert impossible({Sign(name): value for name, value in message.signs.items()}) == {}


@pytest.mark.parametrize(("fault", "ahead_s"), [("wrong-clock", 3600), ("wrong-clock:-10min", -600)])
async def test_a_wrong_clock_is_in_every_message(fault, ahead_s):
    bed = await after(3, fault)
    assert [datetime.fromisoformat(message["ts"]) for message in bed.messages] == [
        WALL + timedelta(seconds=second + ahead_s) for second in range(3)
    ]


async def test_without_a_clock_there_is_no_time_and_with_a_wrong_patient_another_token():
    bed = await after(2, "no-clock", "wrong-patient:P-9", patient="P-1")
    assert [("ts" in message, message["patient"]) for message in bed.messages] == [(False, "P-9")] * 2


async def test_duplicates_late_messages_and_messages_out_of_order():
    async def seconds(*faults: str) -> list[tuple[int, int]]:
        """When it came, and when it was measured."""
        bed = await after(6, *faults)
        await asyncio.sleep(10)
        sent = [(at, datetime.fromisoformat(json.loads(message)["ts"])) for at, message, _ in bed.sent]
        begin = sent[0][0]
        return [(round(at - begin), round((ts - WALL).total_seconds() - begin)) for at, ts in sent]

    assert await seconds() == [(n, n) for n in range(6)]
    assert await seconds("duplicate") == [(n, n) for n in range(6) for _ in range(2)]
    assert [measured for _, measured in await seconds("out-of-order")] == [0, -1, 2, 1, 4, 3]
    late = await seconds("delayed:2s")
    assert [(at, measured) for at, measured in late] == [(n, n - 2) for n in range(4)]


async def test_a_flood_is_so_many_messages_a_second_and_a_malformed_one_no_json():
    assert len((await after(3, "flood:500")).sent) == 1500
    for _, message, _ in (await after(3, "malformed")).sent:
        with pytest.raises(BadMessageError):
            read(message)
    assert all(retain for _, _, retain in (await after(3, "retained")).sent)


@pytest.mark.parametrize("text", [
    "sleepy", "silent:x", "sensor-off:nose", "desaturation:low", "desaturation:82,soon", "wrong-clock:later",
    "flood:0", "flood:many", "wrong-patient:Jane Roe", "silent@soon", "frozen/long", "delayed:x", "@5s", "",
])  # fmt: skip
def test_a_fault_that_is_not_known_is_refused_with_what_is_accepted(text):
    with pytest.raises(FaultError, match=r"known|accepted|takes|such as|is not"):
        MonitorFault.parse(text)


@pytest.mark.parametrize("text", ["silent", "desaturation:82,2min@600s/300s", "sensor-off:pulse@1s"])
def test_a_fault_is_shown_as_it_is_written(text):
    assert str(MonitorFault.parse(text)) == text


def test_every_fault_has_a_meaning_and_is_on_the_page():
    assert set(MEANINGS) == set(Kind)
    section = PAGE.read_text(encoding="utf-8").partition("## Monitor")[2].partition("## The plant")[0]
    assert set(re.findall(r"`([a-z-]+)(?:\[:[^`]*)?`", section)) >= set(Kind)


async def ask(app, method: str, path: str, body: object = None) -> tuple[int, dict]:
    sent = []
    text = b"" if body is None else json.dumps(body).encode()

    async def receive():
        return {"type": "http.request", "body": text, "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "headers": [], "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1), "scheme": "http", "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


async def test_faults_come_and_go_over_the_control_port():
    bed = Bed()
    app = application(bed.monitor, endpoints=MONITOR_ENDPOINTS)
    await asyncio.sleep(5.5)
    order = {"kind": "desaturation", "detail": "82,10s"}
    assert await ask(app, "POST", "/fault", order) == (200, {"fault": "desaturation:82,10s", "cleared": False})
    await asyncio.sleep(15)
    status, truth = await ask(app, "GET", "/truth")
    assert (status, truth["simulated"], truth["signs"]["spo2_percent"]) == (200, True, 82.0)
    assert (truth["measured"]["spo2_percent"], truth["faults"]) == (82, ["desaturation:82,10s"])
    assert truth["messages"] == 21
    cleared = await ask(app, "POST", "/fault", {"kind": "desaturation", "clear": True})
    assert cleared == (200, {"fault": "desaturation", "cleared": True})
    await asyncio.sleep(15)
    assert bed.values("spo2_percent")[-1] >= 94
    assert (await ask(app, "POST", "/clock", {"speed": 60}))[1]["speed"] == 60
    bed.monitor.shut()


async def test_faults_that_wait_count_from_the_beginning_of_the_infusion_once():
    bed = Bed("silent@10s", waits=True)
    app = application(bed.monitor, endpoints=MONITOR_ENDPOINTS)
    await asyncio.sleep(60.5)
    assert len(bed.sent) == 61
    status, truth = await ask(app, "POST", "/begin", {})
    assert (status, truth["waiting_faults"]) == (200, ["silent@10s"])
    await asyncio.sleep(5)
    await ask(app, "POST", "/begin", {})
    await asyncio.sleep(60)
    assert len(bed.sent) == 71
    bed.monitor.shut()


@pytest.mark.parametrize(("body", "error"), [
    ({"kind": "sleepy"}, "kind"),
    ({"kind": "desaturation", "detail": "low"}, "VALUE"),
    ({"kind": "desaturation", "clear": True, "at": "5s"}, "takes only kind"),
    ({"kind": "silent", "clear": True}, "not active"),
    ({"kind": "silent", "unit": 1}, "unit"),
])  # fmt: skip
async def test_a_wrong_request_is_refused_with_its_reason_and_changes_nothing(body, error):
    bed = Bed()
    status, answer = await ask(application(bed.monitor, endpoints=MONITOR_ENDPOINTS), "POST", "/fault", body)
    assert status == 422
    assert error in answer["error"]
    assert bed.monitor.truth()["faults"] == []
    status, answer = await ask(application(bed.monitor, endpoints=MONITOR_ENDPOINTS), "GET", "/pumps")
    assert (status, "GET /truth" in answer["error"]) == (404, True)
    bed.monitor.shut()
