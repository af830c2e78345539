"""What every driver gets from `LinkDriver`: a stop that insists, a start that compares, refusals that wait a turn."""

import asyncio
import itertools

import pytest

from pumpd.driving import DeclinedError, DriverSettings, Lane, LineSettings, LinkDriver, UnansweredError, join, outcome
from pumpd.pump import (
    Done,
    Identity,
    PumpProgram,
    RateStep,
    Refused,
    Unknown,
)
from pumpd.quantities import Duration, Rate, Volume
from pumpd.wire import memory

PROGRAM = PumpProgram((RateStep(Rate(60), Volume("0.05")),))
LESS = PumpProgram((RateStep(Rate(60), Volume("0.00005")),))

_names = itertools.count()


class Lines:
    def __init__(self):
        self.pending = b""

    def feed(self, data):
        *frames, self.pending = (self.pending + data).split(b"\n")
        return frames

    def reset(self):
        self.pending = b""


class Plain(LinkDriver):
    """`HALT` is answered with `still`; a frame that begins with `still` or `moving` shows a state."""

    family, title, models, assumptions = "plain", "A plain pump", ("plain",), ()
    longest_reply = 0

    @classmethod
    def capabilities(cls, container, settings):
        raise NotImplementedError

    def _unfit(self, program):
        return []

    async def _identify(self, epoch):
        return Identity("plain", "1", "7")

    async def _read(self):
        return await self.ask(b"STATUS\n", lambda frame: True)

    async def _load(self, program, epoch):
        self.held = program

    async def _read_back(self, epoch):
        if isinstance(self.held, Exception):
            raise self.held
        return self.held

    async def _start(self, watchdog, epoch):
        await self.send_once(b"GO\n", lambda frame: frame == b"going", epoch)

    async def _stop_once(self):
        answer = await self.send_once(b"HALT\n", lambda frame: frame in (b"still", b"no"), None, lane=Lane.STOP_FRAME)
        if answer == b"no":
            raise DeclinedError("HALT: no")

    async def _release(self, epoch):
        pass

    def flow_in(self, frame):
        return {b"still": False, b"moving": True}.get(frame.partition(b" ")[0])


class Scripted:
    """Answers each line with the next of `answers`; None is silence."""

    def __init__(self, *answers):
        self.answers, self.heard, self.heard_at, self.send = list(answers), [], [], None

    def attach(self, send):
        self.send = send

    def detach(self):
        self.send = None

    def feed(self, data):
        self.heard.append(data)
        self.heard_at.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            self.send(answer)


@pytest.fixture
async def driver():
    made = []

    async def make(*answers):
        peer, name = Scripted(*answers), f"plain-{next(_names)}"
        memory.serve(name, peer)
        plain = Plain(await join(f"memory://{name}", LineSettings(), Lines), DriverSettings())
        made.append((plain, name))
        await plain.identify()
        return plain, peer

    yield make
    for each, name in made:
        await each.close()
        memory.withdraw(name)


# -- stop ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize("bad", [None, b"junk\n", b"no\n", b"moving 5\n", b"half"])
async def test_a_stop_is_sent_again_after_whatever_was_no_confirmation(driver, bad):
    plain, peer = await driver(bad, b"still\n")
    assert await plain.stop() == Done(None)
    assert peer.heard == [b"HALT\n"] * 2


async def test_a_stop_without_a_confirmation_ends_after_its_tries_with_the_last_problem(driver):
    plain, peer = await driver(*[b"junk\n"] * 40)
    began = asyncio.get_running_loop().time()
    result = await plain.stop()
    took_s = asyncio.get_running_loop().time() - began
    assert isinstance(result, Unknown)
    assert 'not understood: "junk' in result.cause
    after = [at for at in peer.heard_at if at >= began + 1]
    assert set(peer.heard) == {b"HALT\n"}
    assert len(after) == plain.stop_tries - 1  # and the one that began in the first second
    assert took_s <= plain.longest_call_s


@pytest.mark.requirement("STP-11")
async def test_in_its_first_second_only_the_stop_frame_is_sent_and_often(driver):
    plain, peer = await driver()
    began = asyncio.get_running_loop().time()
    await plain.stop()
    first = [at - began for at in peer.heard_at if at < began + 1]
    assert first[0] < 0.01
    assert all(later - earlier <= 0.15 for earlier, later in itertools.pairwise([*first, 1.0]))


@pytest.mark.requirement("STP-11")
async def test_a_question_after_a_stop_is_not_repeated_the_stop_is(driver):
    """A lost reply to the question costs no more than one period."""
    plain, peer = await driver(b"still\n", None, b"still\n", b"standing\n")

    async def stop_once():
        await Plain._stop_once(plain)
        await plain.ask(b"STATUS\n", lambda frame: frame == b"standing", lane=Lane.STOP)

    plain._stop_once = stop_once
    began = asyncio.get_running_loop().time()
    assert await plain.stop() == Done(None)
    assert peer.heard == [b"HALT\n", b"STATUS\n"] * 2
    assert peer.heard_at[2] - began <= 0.15


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize(
    ("answers", "stops"),
    [
        ([b"still ?\n"] * 2, 2),  # in a row
        ([b"still ?\n", None, b"still ?\n"], 3),  # a silence is no report
        ([b"still ?\n", b"junk\n", b"still ?\n", b"still ?\n"], 4),
        ([b"still ?\n", b"moving ?\n", b"still ?\n", b"still ?\n"], 4),
    ],
)
async def test_states_read_in_answers_that_are_not_understood_confirm_a_stop(driver, answers, stops):
    plain, peer = await driver(*answers)
    assert await plain.stop() == Done(None)
    assert len(peer.heard) == stops


@pytest.mark.requirement("COM-16")
@pytest.mark.parametrize(
    "answer", [b"moving ?\n", b"still ?\nmoving ?\n", b"moving ?\nstill ?\n", b"junk\n", b"still ?"]
)
async def test_a_readable_flow_or_an_unreadable_state_never_confirms_a_stop(driver, answer):
    plain, _ = await driver(*[answer] * 20)
    assert isinstance(await plain.stop(), Unknown)


async def test_a_stop_on_a_dead_port_is_not_repeated(driver):
    plain, peer = await driver()
    memory.unplug(plain.link.port.removeprefix("memory://"))
    assert isinstance(await plain.stop(), Refused)
    assert peer.heard == []


# -- start -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("STA-05", "COM-16")
async def test_a_start_is_refused_with_the_difference_when_the_pump_holds_another_value(driver):
    """The volume unit followed the diameter: 0.00005 mL was held where 0.05 mL was meant."""
    plain, peer = await driver(b"going\n")
    await plain.load(PROGRAM)
    plain.held = LESS
    result = await plain.start(Duration(10))
    assert isinstance(result, Refused)
    assert "volume of step 1 is 0.00005 mL, ordered 0.05 mL" in result.reasons[0]
    assert peer.heard == []
    plain.held = PROGRAM
    assert await plain.start(Duration(10)) == Done(None)


async def test_a_start_whose_read_back_fails_is_certainly_not_sent(driver):
    plain, peer = await driver()
    await plain.load(PROGRAM)
    plain.held = UnansweredError("nothing came")
    result = await plain.start(Duration(10))
    assert isinstance(result, Refused)
    assert "nothing came" in result.reasons[0]
    assert peer.heard == []


@pytest.mark.parametrize("forget", ["release", "failed load", "never loaded"])
async def test_a_start_needs_a_load(driver, forget):
    plain, peer = await driver(b"going\n")
    if forget != "never loaded":
        await plain.load(PROGRAM)
    plain.held = PROGRAM
    if forget == "release":
        await plain.release()
    elif forget == "failed load":

        async def fails(program, epoch):
            raise DeclinedError("no")

        plain._load = fails
        await plain.load(PROGRAM)
    result = await plain.start(Duration(10))
    assert result == Refused(("no program was loaded for this start: load one first",))
    assert peer.heard == []


# -- questions --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("COM-14")
@pytest.mark.parametrize("twice", [True, False])
async def test_a_reply_that_comes_twice_after_a_silence_answers_no_other_question(driver, twice):
    """Each of both requests is answered, the first one late. Only a family that says so waits for that."""
    plain, peer = await driver()
    plain.reply_may_come_twice = twice
    later = asyncio.get_running_loop().call_later

    def answered(data):
        peer.heard.append(data)
        match len(peer.heard):
            case 2:
                later(0.02, peer.send, b"of the first\n")
                later(0.03, peer.send, b"of the first\n")
            case 3:
                later(0.02, peer.send, b"of the second\n")

    peer.feed = answered
    assert await plain.ask(b"FIRST\n", lambda _: True) == b"of the first"
    assert await plain.ask(b"SECOND\n", lambda _: True) == (b"of the second" if twice else b"of the first")
    assert peer.heard == [b"FIRST\n", b"FIRST\n", b"SECOND\n"]


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["read", "load", "start"])
async def test_a_refused_call_lets_others_run(driver, call):
    """A program that reads in a plain loop while a stop is under way would otherwise never let the stop out."""
    plain, _ = await driver()
    stop, turns = asyncio.create_task(plain.stop()), []
    await asyncio.sleep(0)
    plain._identified_on = None
    for number in range(3):
        asyncio.get_running_loop().call_soon(turns.append, number)
        result = await {"read": plain.read, "load": lambda: plain.load(PROGRAM), "start": lambda: plain.start(10)}[
            call
        ]()
        assert isinstance(result, Refused)
        assert turns == list(range(number + 1))
    stop.cancel()
    await asyncio.wait({stop})


async def test_every_reason_of_a_refusal_is_kept():
    async def refuses():
        raise DeclinedError("too fast", "too much")

    assert await outcome(refuses()) == Refused(("too fast", "too much"))
    assert str(DeclinedError("too fast", "too much")) == "too fast; too much"
