"""The control port as an application, without a socket: what it accepts, does and refuses, and its description."""

import asyncio
import json
import re

import pytest

from pumpd_simulators.bench import Bench, simulate
from pumpd_simulators.control import LONGEST_BODY, application
from pumpd_simulators.control_endpoints import ENDPOINTS
from pumpd_simulators.control_openapi import description
from pumpd_simulators.plant import PlantSettings


class Client:
    """A bench with a first pump, and perhaps others."""

    def __init__(self, pump, **others):
        self.bench = Bench({"bed-1": pump, **others}, pump.clock)
        self.closing = asyncio.Event()
        self.app = application(self.bench, self.closing)

    async def events(self, path, seconds, *, leaves=False):
        """What a stream sends in this many seconds, until the bench closes or the client leaves."""
        sent, gone = [], asyncio.Event()

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        streaming = asyncio.create_task(self.app(self.scope("GET", path), receive, send))
        await asyncio.sleep(seconds)
        (gone if leaves else self.closing).set()
        async with asyncio.timeout(0.01):
            await streaming
        status, kind = sent[0]["status"], dict(sent[0]["headers"])[b"content-type"]
        assert (status, kind) == (200, b"text/event-stream; charset=utf-8")
        whole = b"".join(message.get("body", b"") for message in sent).decode()
        assert re.fullmatch(r"(data: [^\n]+\n\n)*", whole)
        return [json.loads(event.removeprefix("data: ")) for event in whole.split("\n\n") if event]

    def scope(self, method, path):
        path, _, query = path.partition("?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [],
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "scheme": "http",
            "root_path": "",
        }

    async def __call__(self, method, path, body=None):
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = []

        async def receive():
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message):
            sent.append(message)

        await self.app(self.scope(method, path), receive, send)
        return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


@pytest.fixture
async def rack():
    """A second pump, with two units."""
    pump = simulate("space-bcc", options={"slots": "11,12"}, plant=PlantSettings.ideal())
    yield pump
    pump.shut()


async def test_the_truth_is_that_of_the_plant_in_json_numbers(bench):
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


async def test_a_fault_can_come_now_or_later_for_a_time_and_be_cleared(bench):
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


async def test_power_and_panel_can_be_used(bench):
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
        ("POST", "/fault", {"kind": "fire"}, 422, "kind: .*occlusion.*'fire'"),
        ("POST", "/fault", {"kind": "occlusion", "at": "soon"}, 422, "soon"),
        ("POST", "/fault", {"kind": "occlusion", "at": 720}, 422, "720"),
        ("POST", "/fault", {}, 422, "kind"),
        ("POST", "/fault", {"kind": "occlusion", "hard": True}, 422, "hard"),
        ("POST", "/fault", b"{", 400, "JSON"),
        ("POST", "/fault", b"[]", 400, "object"),
        ("POST", "/fault", b'"x"', 400, "object"),
        ("POST", "/fault", {"kind": "stall", "at": 1, "hard": True}, 422, "at: .*; hard: .*accepted.*duration"),
        ("POST", "/fault", {"kind": "stall", "unit": 2}, 422, "there is no unit 2: NE-1000 has 1"),
        ("POST", "/fault", {"kind": "stall", "unit": 0}, 422, "unit: "),
        ("POST", "/fault", {"kind": "stall", "unit": "1"}, 422, "unit: "),
        ("POST", "/fault", {"kind": "lost-reply", "detail": "eject"}, 422, "'eject'.*keep-alive"),
        ("POST", "/fault", {"kind": "air", "clear": True}, 422, "momentary"),
        ("POST", "/fault", {"kind": "stall", "clear": True, "at": "1s"}, 422, "clear"),
        ("POST", "/fault?unit=1", {"kind": "stall"}, 422, "unit: .*in the query: nothing"),
        ("GET", "/truth?unit=2", None, 422, "there is no unit 2"),
        ("GET", "/truth?unit=x", None, 422, "unit: .*'x'"),
        ("GET", "/truth?units=1", None, 422, "units: .*accepted in the query: unit"),
        ("GET", "/stream?unit=2", None, 422, "there is no unit 2"),
        ("GET", "/stream?period=0.01", None, 422, "period: .*0.05"),
        ("GET", "/pumps/bed-9/truth", None, 404, "'bed-9'.*bed-1"),
        ("POST", "/pumps/bed-9/power", {"on": False}, 404, "bed-1"),
        ("POST", "/clock", {}, 422, "speed, paused or both"),
        ("POST", "/clock", {"speed": 0}, 422, "speed: "),
        ("POST", "/clock", {"speed": 1e6}, 422, "speed: "),
        ("POST", "/clock", {"paused": "yes"}, 422, "paused: "),
        ("GET", "/truth?unit=1&unit=2", None, 422, r"unit: .*\['1', '2'\]"),
        ("GET", "/stream?period=nan", None, 422, "period: "),
        ("POST", "/fault", b"\xff", 400, "JSON"),
        ("POST", "/pumps", {}, 405, "POST /pumps is not known; known: GET /pumps, .*GET /openapi.json"),
        ("POST", "/fault", b" " * (LONGEST_BODY + 1), 413, str(LONGEST_BODY)),
        ("POST", "/fault", {"kind": "front-panel", "detail": "stop"}, 422, "NA"),
        ("POST", "/power", {"on": 1}, 422, "on"),
        ("POST", "/power", {}, 422, "on"),
        ("POST", "/panel", {"key": "eject"}, 422, "eject"),
        ("POST", "/panel", {"key": "stop", "unit": 2}, 422, "there is no unit 2"),
        ("GET", "/nothing", None, 404, "/nothing is not known; known: .*GET /truth"),
        ("GET", "/fault", None, 405, "GET /fault is not known; known: .*POST /fault"),
    ],
)
async def test_what_is_unknown_is_refused_with_what_is_accepted(bench, method, path, body, status, names):
    host = bench()
    host.setup()
    before = host.pump.truth()
    code, answer = await Client(host.pump)(method, path, body)
    assert code == status
    assert list(answer) == ["error"]
    assert re.search(names, answer["error"]), answer["error"]
    assert host.pump.truth() == before
    assert (host.pump.clock.speed, host.pump.clock.paused) == (1, False)


# -- several pumps and units ---------------------------------------------------------------------------------------


async def test_the_bench_lists_its_pumps_and_the_short_forms_are_the_first_ones(bench, rack):
    host = bench()
    client = Client(host.pump, ward=rack)
    assert await client("GET", "/pumps") == (
        200,
        {
            "simulated": True,
            "pumps": [
                {"name": "bed-1", "pump": "NE-1000", "units": 1, "powered": True},
                {"name": "ward", "pump": "Space", "units": 2, "powered": True},
            ],
        },
    )
    assert (await client("GET", "/truth"))[1]["pump"] == (await client("GET", "/pumps/bed-1/truth"))[1]["pump"]
    assert (await client("POST", "/pumps/ward/power", {"on": False}))[0] == 200
    assert (host.pump.device.powered, rack.device.powered) == (True, False)


async def test_a_unit_is_named_in_the_body_or_in_the_query(bench, rack):
    client = Client(bench().pump, ward=rack)
    for key, value in (("rate", "60"), ("start", None)):
        press = {"key": key, "unit": 2} | ({"value": value} if value else {})
        assert (await client("POST", "/pumps/ward/panel", press))[0] == 200
    await asyncio.sleep(60)
    assert (await client("GET", "/pumps/ward/truth?unit=2"))[1]["delivered_ml"] == pytest.approx(1)
    assert (await client("GET", "/pumps/ward/truth"))[1]["delivered_ml"] == 0
    assert await client("POST", "/pumps/ward/fault", {"kind": "door", "unit": 2}) == (
        200,
        {"fault": "door#2", "cleared": False},
    )
    assert [rack.truth(unit)["door_open"] for unit in (1, 2)] == [False, True]
    assert (await client("POST", "/pumps/ward/fault", {"kind": "door", "unit": 2, "clear": True}))[0] == 200
    assert rack.truth(2)["door_open"] is False


# -- plant time and the stream -------------------------------------------------------------------------------------


async def test_the_clock_is_read_changed_and_paused(bench):
    host = bench()
    client = Client(host.pump)
    host.setup("DIA 26.59", "RAT 60 MH", "VOL 0", "RUN")
    assert await client("POST", "/clock", {"speed": 60}) == (200, {"speed": 60, "paused": False, "plant_time_s": 0})
    await asyncio.sleep(2)
    assert (await client("POST", "/clock", {"paused": True}))[1]["plant_time_s"] == pytest.approx(120)
    await asyncio.sleep(100)
    assert await client("GET", "/clock") == (200, {"speed": 60, "paused": True, "plant_time_s": pytest.approx(120)})
    assert host.pump.truth()["delivered_ml"] == pytest.approx(2)
    assert (await client("POST", "/clock", {"paused": False, "speed": 1}))[0] == 200
    await asyncio.sleep(60)
    assert host.pump.truth()["delivered_ml"] == pytest.approx(3)


async def test_cables_are_moved_and_told(bench, rack):
    client = Client(bench().pump, rack=rack)
    assert await client("GET", "/cables") == (200, {"ports": {"bed-1": ["bed-1"], "rack": ["rack"]}})
    swapped = {"ports": {"bed-1": ["rack"], "rack": ["bed-1"]}}
    assert await client("POST", "/cables", {"act": "swap", "ports": ["bed-1", "rack"]}) == (200, swapped)
    assert await client("GET", "/cables") == (200, swapped)
    assert (await client("POST", "/cables", {"act": "restore"}))[1]["ports"]["rack"] == ["rack"]
    moved = {"act": "move", "ports": ["rack", "bed-1"], "away_s": 0.5, "seen": False}
    assert (await client("POST", "/cables", moved))[1]["ports"] == {"bed-1": ["rack"], "rack": []}
    assert (await client("POST", "/cables", {"act": "restore"}))[0] == 200
    hub = {"act": "reset-hub", "swapped": True, "away_s": 1}
    assert await client("POST", "/cables", hub) == (200, swapped)
    for wrong, names in (
        ({"act": "swap", "ports": ["bed-1"]}, "swap takes two ports"),
        ({"act": "swap", "ports": ["bed-1", "bed-9"]}, "no port 'bed-9'; known: bed-1, rack"),
        ({"act": "restore", "ports": ["rack"]}, "takes none"),
        ({"act": "swop"}, "act: "),
    ):
        status, body = await client("POST", "/cables", wrong)
        assert (status, names in body["error"]) == (422, True), body


async def test_a_stream_repeats_the_truth_until_the_bench_closes(bench):
    host = bench()
    host.setup("DIA 26.59", "RAT 60 MH", "VOL 0", "RUN")
    events = await Client(host.pump).events("/stream", 1.9)
    assert [event["delivered_ml"] for event in events] == pytest.approx([0, 0.5 / 60, 1 / 60, 1.5 / 60])
    assert all(event["simulated"] is True for event in events)


async def test_a_stream_has_the_period_that_was_asked_for_and_ends_when_its_client_leaves(bench, rack):
    client = Client(bench().pump, ward=rack)
    events = await client.events("/pumps/ward/stream?period=0.05&unit=2", 1.01, leaves=True)
    assert len(events) == 21
    assert {event["unit"] for event in events} == {2}


# -- the description -----------------------------------------------------------------------------------------------


async def test_every_route_is_described_and_nothing_else(bench):
    app = Client(bench().pump).app
    routes = {(method.lower(), route.path) for route in app.routes for method in route.methods - {"HEAD"}}
    paths = description()["paths"]
    described = {(method, path) for path, methods in paths.items() for method in methods}
    assert routes - {("get", "/openapi.json")} == described


async def test_the_description_is_complete_and_every_reference_resolves(bench):
    status, document = await Client(bench().pump)("GET", "/openapi.json")
    assert status == 200
    assert document == description()
    assert document["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(document["info"])
    references = re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))
    assert references
    for reference in references:
        place = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            declared = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))
            assert {"200", "4XX"} <= set(operation["responses"])


# What OpenAPI 3.1.0 allows in each of its objects (of those used here), and what it requires.
OBJECTS = {
    "document": ({"openapi", "info", "paths", "components"}, {"openapi", "info", "paths"}),
    "info": ({"title", "version", "description"}, {"title", "version"}),
    "operation": ({"summary", "operationId", "parameters", "requestBody", "responses"}, {"responses"}),
    "parameter": ({"name", "in", "required", "schema", "description"}, {"name", "in"}),
    "body": ({"required", "content"}, {"content"}),
    "response": ({"description", "content"}, {"description"}),
}
TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


def shaped(kind, item):
    allowed, needed = OBJECTS[kind]
    assert needed <= set(item) <= allowed, (kind, item)


def schemas(node):
    """Every schema below, itself included."""
    if isinstance(node, dict):
        yield node
        for name in ("properties", "$defs"):
            for each in node.get(name, {}).values():
                yield from schemas(each)
        for each in [*node.get("anyOf", []), node.get("items"), node.get("additionalProperties")]:
            yield from schemas(each)


def test_the_description_has_the_shape_of_openapi():
    document = description()
    shaped("document", document)
    shaped("info", document["info"])
    found = list(document["components"]["schemas"].values())
    for path, methods in document["paths"].items():
        assert path.startswith("/")
        assert set(methods) <= {"get", "post"}
        for method, operation in methods.items():
            shaped("operation", operation)
            assert ("requestBody" in operation) == (method == "post")
            places = [(each["name"], each["in"]) for each in operation.get("parameters", [])]
            assert len(set(places)) == len(places)
            for parameter in operation.get("parameters", []):
                shaped("parameter", parameter)
                assert parameter["in"] == "query" or parameter["required"] is True
                found.append(parameter["schema"])
            bodies = [("body", operation["requestBody"])] if method == "post" else []
            for kind, item in [*bodies, *(("response", each) for each in operation["responses"].values())]:
                shaped(kind, item)
                found += [media["schema"] for media in item["content"].values()]
            assert all(re.fullmatch(r"[1-5](\d\d|XX)", status) for status in operation["responses"])
    for schema in (each for whole in found for each in schemas(whole)):
        assert schema.get("type", "object") in TYPES, schema
        assert set(schema.get("required", [])) <= set(schema.get("properties", {})), schema


BODIES = sorted({each.asked for each in ENDPOINTS if each.method == "POST"}, key=lambda model: model.__name__)


@pytest.mark.parametrize("model", BODIES)
def test_every_body_has_an_example_that_is_accepted(model):
    examples = model.model_json_schema()["examples"]
    for example in examples:
        assert model.model_validate_json(json.dumps(example)).model_dump(exclude_unset=True) == example


async def test_every_endpoint_accepts_its_example_and_answers_as_described(bench):
    host = bench()
    client = Client(host.pump)
    host.setup("DIA 26.59", "RAT 60 MH", "VOL 0", "RUN")
    await asyncio.sleep(10)
    tried = 0
    for endpoint in sorted(ENDPOINTS, key=lambda each: each.path == "/power"):  # a pump that is off has no keys
        for path in (each.replace("{name}", "bed-1") for each in endpoint.paths):
            if endpoint.streams:
                continue
            examples = endpoint.asked.model_json_schema().get("examples", [None])
            for example in examples:
                status, answer = await client(endpoint.method, path, example)
                assert status == 200, answer
                endpoint.answer.model_validate_json(json.dumps(answer), strict=True)
                tried += 1
    assert tried >= len(ENDPOINTS)
