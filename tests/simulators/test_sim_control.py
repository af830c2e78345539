"""The control port as an application, without a socket: what it takes, does and refuses."""

import asyncio
import json

import pytest

from pumpd_simulators.control import LONGEST_BODY, application


class Client:
    def __init__(self, pump):
        self.app = application(pump)

    async def __call__(self, method, path, body=None):
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "scheme": "http",
            "root_path": "",
        }

        async def receive():
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


async def test_truth_is_the_plants_word_in_json_numbers(bench):
    host = bench()
    client = Client(host.pump)
    host.setup("DIA 26.59", "RAT 60 MH", "VOL 0", "RUN")
    await asyncio.sleep(90)
    status, truth = await client("GET", "/truth")
    assert status == 200
    assert truth["delivered_ml"] == pytest.approx(1.5)
    assert truth["rate_ml_h"] == pytest.approx(60)
    assert truth["running"] is True
    assert truth["simulated"] is True
    assert truth["plant_time_s"] == pytest.approx(90)
    assert truth["infusion_time_s"] == pytest.approx(90)
    assert truth["display"]["dispensed"] == "I1.500W0.000ML"


async def test_a_fault_now_later_for_a_time_and_cleared(bench):
    host = bench()
    client = Client(host.pump)
    host.setup("DIA 26.59", "RAT 60 MH", "VOL 0", "RUN")
    assert (await client("POST", "/fault", {"kind": "occlusion"}))[0] == 200
    assert host.pump.truth()["faults"] == ["occlusion"]
    assert (await client("POST", "/fault", {"kind": "occlusion", "clear": True}))[0] == 200
    assert host.pump.truth()["faults"] == []
    assert (await client("POST", "/fault", {"kind": "silence", "at": "1min", "duration": "10s"}))[0] == 200
    assert host.pump.truth()["waiting_faults"] == ["silence@60s/10s"]
    await asyncio.sleep(61)
    assert host.pump.truth()["faults"] == ["silence"]
    assert host.pump.truth()["waiting_faults"] == []


async def test_power_and_panel(bench):
    host = bench()
    client = Client(host.pump)
    host.setup("DIA 26.59", "RAT 60 MH", "VOL 0")
    assert (await client("POST", "/panel", {"key": "start"}))[0] == 200
    status, answer = await client("POST", "/panel", {"key": "rate", "value": "30"})
    assert (status, answer["display"]["rate"]) == (200, "30.00MH")
    assert (await client("POST", "/power", {"on": False}))[0] == 200
    assert (await client("GET", "/truth"))[1]["powered"] is False
    assert (await client("POST", "/power", {"on": True}))[0] == 200
    assert host.basic("") == "00A?R"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "names"),
    [
        ("POST", "/fault", {"kind": "fire"}, 422, "fire"),
        ("POST", "/fault", {"kind": "occlusion", "at": "soon"}, 422, "soon"),
        ("POST", "/fault", {"kind": "occlusion", "at": 720}, 422, "720"),
        ("POST", "/fault", {}, 422, "kind"),
        ("POST", "/fault", {"kind": "occlusion", "hard": True}, 422, "hard"),
        ("POST", "/fault", b"{", 400, "JSON"),
        ("POST", "/fault", b"[]", 400, "object"),
        ("POST", "/fault", b" " * (LONGEST_BODY + 1), 413, str(LONGEST_BODY)),
        ("POST", "/fault", {"kind": "front-panel", "detail": "stop"}, 422, "NA"),
        ("POST", "/power", {"on": 1}, 422, "on"),
        ("POST", "/power", {}, 422, "on"),
        ("POST", "/panel", {"key": "eject"}, 422, "eject"),
        ("GET", "/nothing", None, 404, ""),
        ("GET", "/fault", None, 405, ""),
    ],
)
async def test_what_is_not_known_is_refused_with_what_is_accepted(bench, method, path, body, status, names):
    host = bench()
    host.setup()
    code, answer = await Client(host.pump)(method, path, body)
    assert code == status
    assert names in answer["error"]
    assert host.pump.truth()["faults"] == []
