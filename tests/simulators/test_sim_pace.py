"""How long bytes take on a simulated line, in virtual time: test_sim_ports shows that real ports use it."""

import asyncio
from types import SimpleNamespace

import pytest

from pumpd_simulators.port import Pace


def outlet(**device):
    return SimpleNamespace(device=SimpleNamespace(**device))


@pytest.mark.parametrize(
    ("device", "count", "takes_s"),
    [
        ({"baud": 19200}, 21, 0.0109375),  # 21 bytes of 10 bits
        ({"baud": 300}, 3, 0.1),
        ({"baud": 300, "bits_a_byte": 11}, 30, 1.1),  # 8N2 and 8E1
    ],
)
async def test_bytes_arrive_exactly_when_the_last_one_has_passed(device, count, takes_s):
    loop, arrived = asyncio.get_running_loop(), []
    pace = Pace(outlet(**device), paced=True)
    pace.after(count, lambda: arrived.append(loop.time()))
    assert arrived == []
    pace.after(count, lambda: arrived.append(loop.time()))  # while the line is busy
    await asyncio.sleep(10)
    assert arrived == [pytest.approx(takes_s), pytest.approx(2 * takes_s)]


async def test_an_answer_starts_when_the_question_was_due_and_not_when_a_late_timer_noticed():
    loop, arrived = asyncio.get_running_loop(), []
    there, back = (Pace(outlet(baud=100), paced=True) for _ in range(2))

    def answer():
        loop._now += 0.05  # a busy machine runs the timer late
        back.after(10, lambda: arrived.append(loop.time()), there.due)

    there.after(10, answer)
    await asyncio.sleep(10)
    assert arrived == [pytest.approx(2.0)]


async def test_without_pacing_nothing_waits():
    arrived = []
    Pace(outlet(baud=300), paced=False).after(1000, lambda: arrived.append(1))
    assert arrived == [1]
