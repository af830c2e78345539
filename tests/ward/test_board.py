"""The board's server on a real PostgreSQL: what it shows, who may see it, and that it only reads."""

import asyncio
import contextlib
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pyarrow.parquet as pq
import pytest

from pumpd.process import end
from pumpd_ward.board import accounts
from pumpd_ward.board.app import application
from pumpd_ward.board.beds import board
from pumpd_ward.board.entrance import entrance
from pumpd_ward.board.live import Live
from pumpd_ward.roles import Role
from pumpd_ward.store.partitions import Partitions
from pumpd_ward.store.rights import BOARD
from pumpd_ward.store.writing import Arrived, write
from tests.patience import PATIENCE_S

from . import made
from .conftest import ward_settings

pytestmark = [pytest.mark.ward, pytest.mark.realtime]

PASSWORD = "correct horse battery"


@contextlib.asynccontextmanager
async def client(server, settings=None) -> AsyncIterator[tuple[httpx.AsyncClient, Live]]:
    settings = settings or ward_settings(server)
    live = Live(server.dsn_of(BOARD), 30)
    following = asyncio.create_task(live.run())
    async with asyncpg.create_pool(server.dsn_of(BOARD), min_size=1, max_size=2) as pool:
        app = application(settings, await entrance(settings.board, pool), live)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ward.test") as asking:
            yield asking, live
    await end(following)


@contextlib.asynccontextmanager
async def signed_in(server, store, role: Role = Role.ENGINEER) -> AsyncIterator[tuple[httpx.AsyncClient, Live]]:
    await accounts.add(store, "charge", PASSWORD, role)
    async with client(server) as (asking, live):
        answer = await asking.post("/api/sign-in", json={"name": "charge", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield asking, live


def now_entries(entries: list[dict], age_s: float = 0) -> list[dict]:
    at = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
    return [{**each, "ts": at} for each in entries]


async def arrive(store, gateway: str, entries: list[dict], age_s: float = 0) -> None:
    batch = made.batch(0, now_entries(entries, age_s), gateway)
    await write(store, [Arrived(batch, datetime.now(UTC) - timedelta(seconds=age_s))], Partitions())


async def test_silent_gateways_come_first_then_alarms_by_priority(store):
    low = {**made.alarm(2, "raised", "battery"), "priority": "low"}
    await arrive(store, "calm", [made.changed(1, "running"), made.reading(2)])
    await arrive(store, "low", [made.changed(1, "running"), low])
    await arrive(store, "high", [made.changed(1, "running"), made.alarm(2, "raised")])
    await arrive(store, "quiet", [made.changed(1, "running"), made.reading(2)], age_s=31)
    shown = await board(store, silent_s=30)
    assert [each["gateway"] for each in shown["beds"]] == ["quiet", "high", "low", "calm"]
    assert [each["silent"] for each in shown["beds"]] == [True, False, False, False]
    assert shown["beds"][1]["alarms"][0]["cause"] == "The line is blocked"


async def test_a_reading_says_its_age_and_what_remains_at_the_present_rate(store):
    await arrive(store, "g1", [made.changed(1, "running"), made.reading(2, rate=60, volume_remaining_ml=10)], age_s=20)
    (bed,) = (await board(store, silent_s=30))["beds"]
    assert 20 <= bed["age_s"] < 25
    assert bed["old"] is True
    assert bed["remaining_s"] == 600
    assert bed["simulated"] is None


async def test_an_alarm_that_was_cleared_is_gone_from_the_board_and_kept_in_the_history(server, store):
    entries = [made.alarm(1, "raised"), made.alarm(4, "acknowledged"), made.alarm(9, "cleared")]
    await write(store, [made.arrived(made.batch(0, entries))], Partitions())
    assert (await board(store, 30))["beds"] == []
    async with signed_in(server, store) as (asking, _):
        answer = await asking.get("/api/alarms", params={"from": "2026-03-01", "to": "2026-03-02"})
    found = answer.json()
    assert [each["acknowledged_s"] for each in found["alarms"]] == [3]
    assert found["responses"]["high"] == {"alarms": 1, "acknowledged": 1, "median_s": 3, "ninety_percent_s": 3}


async def test_the_trend_of_a_year_comes_from_the_hours_and_within_a_second(server, store):
    await store.execute(
        """
        INSERT INTO trend SELECT 'g1', 'pump-a', step_s, at, 60, 60 * 50, 40, 60, 5, 10, 20
        FROM (VALUES (3600), (60)) AS steps (step_s),
             generate_series('2025-01-01Z'::timestamptz, '2025-12-31T23:00Z', make_interval(secs => step_s)) AS at
        """
    )
    async with signed_in(server, store) as (asking, _):
        about = {"gateway": "g1", "pump": "pump-a"}
        began = asyncio.get_running_loop().time()
        answer = await asking.get("/api/trend", params={**about, "from": "2025-01-01", "to": "2026-01-01"})
        took_s = asyncio.get_running_loop().time() - began
        day = await asking.get("/api/trend", params={**about, "from": "2025-05-01T00:00Z", "to": "2025-05-01T08:00Z"})
    year = answer.json()
    assert took_s < 1
    assert 900 <= len(year["at"]) <= 1100
    assert set(year["rate"]) == {50}
    assert year["step_s"] == 9 * 3600
    assert (day.json()["step_s"], len(day.json()["at"])) == (60, 480)


async def test_without_an_account_nothing_but_the_page_answers(server, store):
    async with client(server) as (asking, _):
        for path in (
            "/api/me",
            "/api/trend",
            "/api/alarms",
            "/api/entries",
            "/api/fleet",
            "/api/live",
            "/api/export/alarms.csv",
        ):
            answer = await asking.get(path)
            assert answer.status_code == 401, path
            assert answer.json() == {"error": "Sign in first."}


async def test_a_wrong_password_says_nothing_more_and_many_have_to_wait(server, store):
    await accounts.add(store, "charge", PASSWORD)
    async with client(server) as (asking, _):
        answers = [
            await asking.post("/api/sign-in", json={"name": name, "password": "wrong"})
            for name in ("charge", "nobody", "charge", "charge", "charge")
        ]
        assert {(each.status_code, each.text) for each in answers} == {(403, '{"error":"Name or password is wrong."}')}
        late = await asking.post("/api/sign-in", json={"name": "charge", "password": PASSWORD})
        assert late.status_code == 429


async def test_many_wrong_passwords_at_once_are_no_more_than_one_after_the_other(server, store):
    await accounts.add(store, "charge", PASSWORD)
    async with client(server) as (asking, _):
        wrong = [asking.post("/api/sign-in", json={"name": "charge", "password": f"{each}"}) for each in range(30)]
        found = sorted(each.status_code for each in await asyncio.gather(*wrong))
    assert found == [403] * accounts.TRIES + [429] * (30 - accounts.TRIES)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * 4000, 400),
        ('{"name":"charge","password":7}', 400),
        ('{"name":"char\\u0000ge","password":"x"}', 400),
        ('{"name":"\\ud800","password":"x"}', 400),
        ('{"name":"' + "x" * 5000, 413),
    ],
    ids=["nested", "number", "no text of the store", "half a character", "long"],
)
async def test_a_sign_in_that_cannot_be_read_is_refused_and_is_no_defect(server, store, body, status):
    async with client(server) as (asking, _):
        answer = await asking.post("/api/sign-in", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text


async def test_a_question_that_the_store_cannot_look_for_is_refused(server, store):
    async with signed_in(server, store) as (asking, _):
        answer = await asking.get("/api/trend", params={"gateway": "a\0b", "pump": "p"})
    assert answer.status_code == 400, answer.text


async def test_a_sign_in_ends_and_so_does_a_removed_account(server, store):
    async with signed_in(server, store) as (asking, _):
        assert (await asking.get("/api/me")).json()["name"] == "charge"
        await store.execute("UPDATE login SET ends_at = now() - interval '1 s'")
        assert (await asking.get("/api/me")).status_code == 401
    async with signed_in(server, store) as (asking, _):
        await accounts.remove(store, "charge")
        assert (await asking.get("/api/me")).status_code == 401
    async with signed_in(server, store) as (asking, _):
        await asking.post("/api/sign-out", json={})
        assert (await asking.get("/api/me")).status_code == 401
    assert PASSWORD not in str(await store.fetch("SELECT * FROM account"))


async def test_another_site_cannot_sign_a_person_in_or_out(server, store):
    async with signed_in(server, store) as (asking, _):
        for path in ("/api/sign-in", "/api/sign-out"):
            foreign = await asking.post(path, json={}, headers={"Origin": "https://evil.example"})
            assert foreign.status_code == 403
            form = await asking.post(path, data={"name": "x"})
            assert form.status_code == 415
        assert (await asking.get("/api/me")).status_code == 200


async def test_nothing_but_reading_is_there(server, store):
    """COM: whatever a client sends, no table of what gateways sent changes."""
    await arrive(store, "g1", [made.changed(1, "running"), made.alarm(2, "raised")])
    before = await store.fetch("SELECT * FROM alarm"), await store.fetch("SELECT * FROM bed")
    async with signed_in(server, store) as (asking, _):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for path in (
                "/api/alarms",
                "/api/live",
                "/api/fleet",
                "/api/trend",
                "/api/entries",
                "/api/me",
                "/api/stop",
            ):
                assert (await asking.request(method, path, json={"gateway": "g1"})).status_code in (404, 405)
    assert (await store.fetch("SELECT * FROM alarm"), await store.fetch("SELECT * FROM bed")) == before


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "yesterday"}, "from: 'yesterday' is not a time"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "before `to`"),
        ({"from": "2000-01-01", "to": "2026-01-01"}, "three years"),
    ],
)
async def test_a_time_that_makes_no_sense_is_refused_in_words(server, store, query, said):
    async with signed_in(server, store) as (asking, _):
        answer = await asking.get("/api/alarms", params=query)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


async def test_entries_are_found_by_time_and_gateway(server, store):
    await write(
        store, [made.arrived(made.batch(0, [made.changed(1, "ready"), made.changed(9, "running")]))], Partitions()
    )
    await write(store, [made.arrived(made.batch(0, [made.changed(5, "armed")], "g2"))], Partitions())
    span = {"from": "2026-03-01T08:00:04Z", "to": "2026-03-01T08:01:00Z"}
    async with signed_in(server, store) as (asking, _):
        both = (await asking.get("/api/entries", params=span)).json()["entries"]
        one = (await asking.get("/api/entries", params={**span, "gateway": "g1"})).json()["entries"]
    assert [(each["gateway"], each["seq"]) for each in both] == [("g1", 9), ("g2", 5)]
    assert [each["body"]["to"] for each in one] == ["running"]


async def test_alarms_and_infusions_come_as_csv_and_parquet(server, store):
    ended = made.entry(
        9, "infusion_ended", outcome="completed", delivered_ml=35.0, undelivered_ml=0.0, running_s=2400.0
    )
    danger = {**made.alarm(2, "raised"), "cause": "=1+1"}
    loaded = made.entry(0, "program_loaded", vtbi_ml=35.5)
    whole = [{**loaded, "seq": 1}, made.changed(2, "running"), {**danger, "seq": 3}, ended]
    await write(store, [made.arrived(made.batch(0, whole))], Partitions())
    span = {"from": "2026-03-01", "to": "2026-03-02"}
    async with signed_in(server, store) as (asking, _):
        got = {
            name: await asking.get(f"/api/export/{name}", params=span)
            for name in ("alarms.csv", "infusions.csv", "infusions.parquet", "alarms.parquet")
        }
        assert (await asking.get("/api/export/accounts.csv")).status_code == 404
    (alarm,) = csv.DictReader(io.StringIO(got["alarms.csv"].text))
    assert alarm["cause"] == "'=1+1"
    (infusion,) = csv.DictReader(io.StringIO(got["infusions.csv"].text))
    assert (infusion["delivered_ml"], infusion["outcome"]) == ("35.0", "completed")
    assert infusion["started_at"] == "2026-03-01T08:00:02+00:00"
    assert infusion["programmed_ml"] == "35.5"
    (same,) = pq.read_table(io.BytesIO(got["infusions.parquet"].content)).to_pylist()
    assert (same["delivered_ml"], same["running_s"]) == (35.0, 2400.0)
    assert pq.read_table(io.BytesIO(got["alarms.parquet"].content)).num_rows == 1


async def test_who_watches_sees_a_change_within_a_second(server, store):
    live = Live(server.dsn_of(BOARD), 30)
    following = asyncio.create_task(live.run())
    boards = live.follow()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (await anext(boards)):
                pass
        await arrive(store, "g1", [made.changed(1, "running")])
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(PATIENCE_S):
            while not json.loads(await anext(boards))["beds"]:
                pass
        assert asyncio.get_running_loop().time() - began < 1
    finally:
        await boards.aclose()
        await end(following)


async def test_the_fleet_shows_clock_missing_entries_and_what_was_refused(server, store):
    await write(store, [made.arrived(made.batch(4, [made.entry(5, "x")]))], Partitions())
    await store.execute("INSERT INTO gap (gateway, journal, first, last) VALUES ('g1', 1, 1, 4)")
    async with signed_in(server, store) as (asking, _):
        fleet = (await asking.get("/api/fleet")).json()
    assert [(each["gateway"], each["missing"], each["silent"]) for each in fleet["gateways"]] == [("g1", 4, True)]
    assert fleet["refused"] == 0
