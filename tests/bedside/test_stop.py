"""A stop reaches control before its body is read, and whatever becomes of the body (STP-12)."""

import asyncio

import pytest

from pumpd.bedside.app import Bedside
from pumpd.bedside.feed import Feed
from pumpd.messages.requests import Answer, Stop
from pumpd.settings import Settings
from tests.bedside.tablet import bedsides

PUMPS = [
    {
        "name": name,
        "driver": "new-era",
        "port": f"memory://{name}",
        "model": "ne-1000",
        "serial": name,
        "simulated": True,
    }
    for name in ("bed1", "bed2")
]


class Control:
    """Notes what it is asked, and when."""

    def __init__(self):
        self.asked = []

    async def ask(self, message):
        self.asked.append((asyncio.get_running_loop().time(), message))
        return Answer(ok=True, result={"stopping": [message.pump or "all"]})


class Client:
    """An HTTP client at the ASGI border: what it sends of its body, and whether it continues, breaks off or hangs."""

    def __init__(self, tmp_path, *, requests=100):
        limits = {"requests": requests, "connections": requests + 10}
        settings = Settings.model_validate(
            {"gateway": "ward-7", "state_dir": tmp_path, "bedside": {"limits": limits}, "pump": PUMPS}
        )
        self.control = Control()
        self.app = Bedside(settings, self.control, Feed(self.control, tmp_path / "journal")).app()
        self.statuses = []

    async def post(self, path="/api/stop", query="", body=b"", announced=None, then="ends", address=9):
        """`then`: the body ends, the connection breaks off ("breaks"), or nothing more comes ("hangs")."""
        length = len(body) if announced is None else announced
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(b"content-length", str(length).encode())] if length else [],
            "scheme": "https",
            "server": ("ward-7", 443),
            "client": (f"192.0.2.{address}", 1),
            "http_version": "1.1",
            "root_path": "",
        }
        messages = [{"type": "http.request", "body": body, "more_body": then != "ends"}]

        async def receive():
            if messages:
                return messages.pop(0)
            if then == "hangs":
                await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                self.statuses.append(message["status"])

        await self.app(scope, receive, send)

    @property
    def stops(self):
        return [(at, message.pump) for at, message in self.control.asked if isinstance(message, Stop)]


@pytest.mark.requirement("STP-12", "STP-01")
@pytest.mark.parametrize("then", ["ends", "breaks", "hangs"])
async def test_a_stop_that_names_its_pump_in_the_address_is_sent_before_any_byte_of_a_body_is_read(tmp_path, then):
    client = Client(tmp_path)
    await client.post(query="pump=bed1&reason=Stop+pressed", body=b'{"pump":"bed2"', announced=40, then=then)
    assert client.stops == [(0, "bed1")]
    assert client.statuses == [200]


@pytest.mark.requirement("STP-12", "STP-01")
@pytest.mark.parametrize(
    ("body", "announced", "then", "at"),
    [
        (b'{"pump":"bed1"', 40, "breaks", 0),
        (b"", 40, "breaks", 0),
        (b'{"pump":"bed1"', 40, "hangs", 0.3),
        (b"", 40, "hangs", 0.3),
        (b'{"pump":"bed1"', None, "ends", 0),
        (b'{"pump":"bed1"}' + b" " * 2000, None, "ends", 0),
        (b'{"pump":"bed1","pump":"bed2"}', None, "ends", 0),
        (b"", 0, "hangs", 0),
    ],
    ids=[
        *("breaks off", "breaks off before it", "is late", "never comes", "is malformed", "is too long"),
        *("names two pumps", "is not there"),
    ],
)
async def test_a_stop_whose_body_cannot_be_read_stops_every_pump_within_a_third_of_a_second(
    tmp_path, body, announced, then, at
):
    client = Client(tmp_path)
    await client.post(body=body, announced=announced, then=then)
    assert client.stops == [(at, None)]
    assert client.statuses == [200] or then == "breaks"


@pytest.mark.requirement("STP-12")
async def test_a_whole_body_names_the_pump_to_stop(tmp_path):
    client = Client(tmp_path)
    await client.post(body=b'{"pump":"bed2"}')
    assert client.stops == [(0, "bed2")]


@pytest.mark.requirement("STP-12")
@pytest.mark.parametrize(
    "query", ["pump=..%2Fx", "pump=", "pump=bed1&reason=%00", "now=1", "pump", "pump=bed1&pump=bed2"]
)
async def test_a_stop_with_an_unreadable_address_stops_every_pump(tmp_path, query):
    client = Client(tmp_path)
    await client.post(query=query)
    assert client.stops == [(0, None)]


def _hanging(client, address):
    """A request that waits for its body."""
    return asyncio.create_task(client.post("/api/pair", announced=100, then="hangs", address=address))


@pytest.mark.requirement("STP-12")
async def test_one_address_does_not_take_the_places_of_all_others(tmp_path):
    client = Client(tmp_path, requests=8)
    others = [_hanging(client, 1) for _ in range(10)]
    await asyncio.sleep(0.1)
    assert client.statuses == [503] * 4, "it has six of eight places"
    await client.post("/api/pair", body=b"{}", address=2)
    assert client.statuses[-1] == 422
    await asyncio.gather(*others)


@pytest.mark.requirement("STP-12", "STP-01")
@pytest.mark.parametrize(
    "path",
    [
        *("/api/stop/", "//api/stop", "/stop/", "https://ward-7:8443/api/stop", "HTTPS://ward-7/stop/"),
        *("//api//stop", "/api/./stop", "/page/../api/stop", "/../stop"),
    ],
)
async def test_a_stop_is_a_stop_however_its_address_is_written(tmp_path, path):
    client = Client(tmp_path, requests=5)
    others = [_hanging(client, address) for address in range(5)]
    await asyncio.sleep(0.1)
    await client.post(path)
    assert client.stops == [(0.1, None)]
    assert client.statuses == [200]
    await asyncio.gather(*others)


@pytest.mark.requirement("STP-12")
async def test_a_stop_is_sent_while_every_place_for_a_request_is_taken(tmp_path):
    client = Client(tmp_path, requests=5)
    others = [_hanging(client, address) for address in range(6)]
    await asyncio.sleep(0.1)
    assert client.statuses == [503], "five wait for their bodies, the sixth is refused"
    await client.post()
    assert client.stops == [(0.1, None)]
    await asyncio.gather(*others)
    assert client.statuses == [503, 200, *[408] * 5], "the five are refused when their bodies do not come in time"
    await client.post("/api/pair", body=b"{}")
    assert client.statuses[-1] == 422, "their places are free again"


@pytest.mark.requirement("STP-12", "STP-01")
async def test_the_page_stops_the_pump_of_its_address_and_no_other(tmp_path, monkeypatch):
    async with bedsides(tmp_path, monkeypatch) as here:
        await here.running()
        answer = await here.tablet.http.post("/api/stop?pump=bed1&reason=Stop+pressed+on+the+tablet")
        assert answer.json()["result"] == {"stopping": ["bed1"]}
        await here.testbed.until("stopped", within_s=5)
        answer = await here.tablet.http.post("/api/stop?pump=bed9")
        assert answer.status_code == 404
