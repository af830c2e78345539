"""From an arrived message to control, in virtual time: how soon, how often, how old; and what the log says."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from pumpd.messages.requests import Answer, VitalSigns
from pumpd.mqtt import BrokerError
from pumpd.settings_brokers import MonitorBrokerSettings
from pumpd.vitals.link import ControlLink, NoControlError
from pumpd.vitals.service import APART_S, CONTROL_RETRY_S, HELD_UP_S, KEPT, Vitals

TOPIC = "monitors/7/vitals"


class Control:
    def __init__(self) -> None:
        self.taken: list[tuple[float, VitalSigns]] = []
        self.away = False
        self.answer = Answer(ok=True)

    async def tell(self, signs: VitalSigns) -> Answer:
        await asyncio.sleep(0)
        if self.away:
            raise NoControlError("no answer")
        self.taken.append((asyncio.get_running_loop().time(), signs))
        return self.answer

    @property
    def spo2(self) -> list[int | None]:
        return [signs.spo2_percent for _, signs in self.taken]


def vitals_process(control, topics=None) -> Vitals:
    broker = MonitorBrokerSettings(host="127.0.0.1", tls=False)
    return Vitals("bed-3", broker, topics or {"bed1": TOPIC}, control, random.Random(1))


@contextlib.asynccontextmanager
async def handing_over(control, topics=None) -> AsyncIterator[Vitals]:
    here = vitals_process(control, topics)
    here._beat_s = asyncio.get_running_loop().time()
    tasks = [asyncio.create_task(here.hand_over()), asyncio.create_task(here._beat())]
    yield here
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def message(ago_s=None, **fields) -> bytes:
    ts = {} if ago_s is None else {"ts": (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat()}
    return json.dumps({**ts, **fields}).encode()


@pytest.mark.requirement("RUN-07")
async def test_a_single_message_goes_to_control_at_once():
    control = Control()
    async with handing_over(control) as here:
        await asyncio.sleep(7)
        here.heard(TOPIC, message(spo2_percent=71), False)
        await asyncio.sleep(0.001)
    assert [(at, signs.pump, signs.source, signs.age_s) for at, signs in control.taken] == [(7, "bed1", TOPIC, 0)]
    assert control.spo2 == [71]


async def test_a_flood_reaches_control_as_the_newest_values_at_a_bounded_rate():
    control = Control()
    async with handing_over(control) as here:
        with capture_logs() as logs:
            for number in range(50_000):  # ten seconds
                here.heard(TOPIC, message(spo2_percent=60 + number % 40), False)
                if number % 100 == 99:
                    await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        assert all(len(unread) <= KEPT for unread in here._unread.values())
    assert 10 / APART_S - 2 <= len(control.taken) <= 10 / APART_S + 2
    assert control.spo2[-1] == 60 + 49_999 % 40
    dropped = [line for line in logs if line["event"] == "flooding_messages_dropped"]
    assert len(dropped) == 1  # once a minute, however many
    assert here.complaints.counts["flooding_messages_dropped"] > 10_000


async def test_a_cuff_pressure_in_a_message_of_its_own_is_not_lost_to_the_next_saturation():
    control = Control()
    async with handing_over(control) as here:
        here.heard(TOPIC, message(spo2_percent=97), False)
        await asyncio.sleep(0.01)
        here.heard(TOPIC, message(systolic_mmhg=190, diastolic_mmhg=110), False)
        here.heard(TOPIC, message(spo2_percent=96), False)
        await asyncio.sleep(1)
    assert [(signs.systolic_mmhg, signs.spo2_percent) for _, signs in control.taken] == [
        (None, 97), (190, None), (None, 96),
    ]  # fmt: skip


async def test_what_control_could_not_be_given_waits_for_it_and_grows_older():
    control = Control()
    control.away = True
    async with handing_over(control) as here:
        with capture_logs() as logs:
            here.heard(TOPIC, message(systolic_mmhg=120, diastolic_mmhg=80), False)
            await asyncio.sleep(20)
            here.heard(TOPIC, message(spo2_percent=97), False)
            control.away = False
            await asyncio.sleep(1)
    (_, pressure), (_, saturation) = control.taken
    assert (pressure.systolic_mmhg, saturation.spo2_percent) == (120, 97)
    assert 20 <= pressure.age_s <= 20 + CONTROL_RETRY_S
    assert saturation.age_s <= CONTROL_RETRY_S
    assert [line["event"] for line in logs] == ["control_unavailable", "control_reached"]


async def test_a_pressure_that_control_missed_is_handed_over_when_control_is_back_and_nothing_new_has_come():
    control = Control()
    control.away = True
    async with handing_over(control) as here:
        here.heard(TOPIC, message(systolic_mmhg=120, diastolic_mmhg=80), False)
        await asyncio.sleep(3)
        control.away = False
        await asyncio.sleep(CONTROL_RETRY_S + 0.1)
    assert [(signs.systolic_mmhg, 3 <= signs.age_s <= 3.6) for _, signs in control.taken] == [(120, True)]


async def test_an_old_message_is_handed_over_with_its_age():
    control = Control()
    async with handing_over(control) as here:
        here.heard(TOPIC, message(ago_s=45, spo2_percent=97), False)
        await asyncio.sleep(1)
    assert [round(signs.age_s) for _, signs in control.taken] == [45]


async def test_a_stored_message_is_no_measurement():
    control = Control()
    async with handing_over(control) as here:
        here.heard(TOPIC, message(ago_s=0, spo2_percent=97), True)
        await asyncio.sleep(10)
    assert control.taken == []
    assert here.complaints.counts == {"old_message_ignored": 1}


async def test_what_waited_while_the_process_was_held_up_is_ignored_and_the_connection_renewed():
    control = Control()
    here = vitals_process(control)
    loop = asyncio.get_running_loop()
    here._beat_s = loop.time()
    beat = asyncio.create_task(here._beat())
    await asyncio.sleep(0.01)
    loop._now += HELD_UP_S + 1  # nothing ran meanwhile
    here.heard(TOPIC, message(spo2_percent=97), False)
    with pytest.raises(BrokerError, match="held up"):
        await beat
    assert here.complaints.counts == {"old_message_ignored": 1}
    assert not here._unread[TOPIC]


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        (b'{"do": "start"}', "message_without_signs_ignored"),
        (b"start", "message_refused"),
        (b'{"ts": "2999-01-01T00:00:00Z", "spo2_percent": 97}', "message_refused"),
        (message(spo2_percent="97"), "value_not_a_number_dropped"),
    ],
)
async def test_a_bad_message_is_counted_logged_once_a_minute_and_hinders_nothing(payload, event):
    control = Control()
    async with handing_over(control) as here:
        with capture_logs() as logs:
            for _ in range(150):  # in two and a half minutes
                here.heard(TOPIC, payload, False)
                await asyncio.sleep(1)
            here.heard(TOPIC, message(spo2_percent=97), False)
            await asyncio.sleep(1)
    assert here.complaints.counts[event] == 150
    assert [line["count"] for line in logs if line["event"] == event] == [1, 61, 121]
    assert control.spo2 == [97]


async def test_what_control_refuses_is_logged_with_its_reasons_and_not_repeated():
    control = Control()
    control.answer = Answer(ok=False, reasons=("another patient's",))
    async with handing_over(control) as here:
        with capture_logs() as logs:
            here.heard(TOPIC, message(spo2_percent=97), False)
            await asyncio.sleep(10)
    (refused,) = [line for line in logs if line["event"] == "signs_refused_by_control"]
    assert (refused["pump"], refused["reasons"]) == ("bed1", ["another patient's"])
    assert len(control.taken) == 1


async def test_two_pumps_at_one_monitor_get_the_same_signs():
    control = Control()
    async with handing_over(control, {"bed1": TOPIC, "bed1b": TOPIC, "bed2": "monitors/8/vitals"}) as here:
        here.heard(TOPIC, message(spo2_percent=97), False)
        here.heard("monitors/8/vitals", message(spo2_percent=93), False)
        here.heard("monitors/9/vitals", message(spo2_percent=60), False)  # a topic that is nobody's
        await asyncio.sleep(1)
    assert {(signs.pump, signs.spo2_percent) for _, signs in control.taken} == {
        ("bed1", 97),
        ("bed1b", 97),
        ("bed2", 93),
    }


@pytest.mark.realtime
async def test_the_link_uses_one_connection_and_opens_another_after_a_broken_or_mute_one(vitals_socket, monkeypatch):
    monkeypatch.setattr("pumpd.vitals.link.ANSWER_WITHIN_S", 0.2)
    signs = VitalSigns(pump="bed1", source=TOPIC, age_s=0.5, spo2_percent=97)
    socket, link = vitals_socket, ControlLink(vitals_socket.path)
    await socket.close()
    with pytest.raises(NoControlError):
        await link.tell(signs)
    await socket.open()
    for _ in range(3):
        assert (await link.tell(signs)).ok
    assert socket.connections == 1
    assert socket.requests == [signs] * 3
    socket.mute = True
    with pytest.raises(NoControlError):
        await link.tell(signs)
    socket.mute = False
    assert (await link.tell(signs)).ok
    assert socket.connections == 2
    await link.close()
