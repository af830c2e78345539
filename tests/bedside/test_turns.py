"""Who goes first at the tablets' server: a host that floods waits for itself (STP-12)."""

import asyncio

import pytest

from pumpd.bedside.entrance import MOST, Entrance
from pumpd.bedside.turns import MOST_KEPT, Hosts, Turns

A_S, AT_ONCE = 10.0, 5


class Ward:
    """Notes when each address had its turns."""

    def __init__(self, hosts=None):
        self.turns = Turns(hosts or Hosts(), A_S, AT_ONCE)
        self.had = []
        self.tasks = []

    def ask(self, address, times=1):
        self.tasks += [asyncio.create_task(self._one(address)) for _ in range(times)]

    async def _one(self, address):
        await self.turns.turn(address)
        self.had.append((address, asyncio.get_running_loop().time()))

    def at(self, address):
        return [at for who, at in self.had if who == address]

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.mark.requirement("STP-12")
async def test_turns_are_given_at_a_limited_rate_however_many_ask():
    ward = Ward()
    ward.ask("attacker", 500)
    await asyncio.sleep(10)
    assert len(ward.had) == pytest.approx(AT_ONCE + 10 * A_S, abs=2)
    await ward.end()


@pytest.mark.requirement("STP-12")
async def test_another_address_waits_for_one_turn_of_a_flood_at_most():
    ward = Ward()
    ward.ask("attacker", 500)
    for at in range(1, 20):
        await asyncio.sleep(0.73)
        asked = asyncio.get_running_loop().time()
        ward.ask(f"tablet {at}")
        await asyncio.sleep(0.01 + 2 / A_S)
        (had,) = ward.at(f"tablet {at}")
        assert had - asked <= 2 / A_S + 0.001
    await ward.end()


@pytest.mark.requirement("STP-12")
async def test_a_tablet_that_was_here_before_goes_before_addresses_that_were_just_invented():
    hosts = Hosts()
    hosts.proved("tablet")
    ward = Ward(hosts)
    for number in range(400):
        ward.ask(f"invented {number}")
    await asyncio.sleep(1)
    ward.ask("tablet")
    await asyncio.sleep(0.2)
    (had,) = ward.at("tablet")
    assert had <= 1 + 1 / A_S + 0.001
    await ward.end()


@pytest.mark.requirement("STP-12")
async def test_a_hundred_addresses_of_one_host_wait_for_each_other_and_a_new_one_for_one_round_of_them():
    ward = Ward()
    for number in range(100):
        ward.ask(f"attacker {number}", 50)
    await asyncio.sleep(30)
    asked = asyncio.get_running_loop().time()
    ward.ask("tablet")
    await asyncio.sleep(100 / A_S + 1)
    (had,) = ward.at("tablet")
    assert had - asked <= 100 / A_S + 0.2
    await ward.end()


async def test_one_that_gives_up_takes_nobody_s_turn():
    ward = Ward()
    ward.ask("attacker", AT_ONCE + 20)
    await asyncio.sleep(0)
    for task in ward.tasks:
        task.cancel()
    ward.ask("tablet")
    await asyncio.sleep(1 / A_S + 0.01)
    assert ward.at("tablet")
    assert not ward.turns._waiting


async def test_what_is_remembered_is_bounded():
    turns = Turns(Hosts(), 1e6, 10_000)
    for number in range(3 * MOST_KEPT):
        await turns.turn(f"address {number}")
    assert len(turns._last_s) == MOST_KEPT


async def test_addresses_that_were_just_invented_push_no_tablet_out_of_the_entrance():
    class Socket:
        closed = False

        def close(self):
            self.closed = True

    hosts, begun = Hosts(), []
    hosts.proved("tablet")
    busy = Turns(hosts, per_s=1, at_once=1)
    await busy.turn("another")
    entrance = Entrance(busy, hosts, lambda client, address: begun.append(address))
    tablet, invented = Socket(), [Socket() for _ in range(3 * MOST)]
    entrance.enter(tablet, "tablet")
    for number, client in enumerate(invented):
        entrance.enter(client, f"2001:db8::{number:x}")
    await asyncio.sleep(1.5)
    assert not tablet.closed
    assert begun == ["tablet"]
    assert sum(not each.closed for each in invented) == MOST - 1
    await entrance.close()
