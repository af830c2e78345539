"""Every codec against damaged packets, a few thousand here and 10^6 with `make fuzz` (COM-06, SEC-09)."""

import asyncio

import pytest

from benchmarks.fuzz import fuzz, session
from pumpd.driving import Codec
from pumpd.pump import families, family
from pumpd_simulators.virtual_time import VirtualTimeLoop

COUNT = 4000
UNCHECKED = {"harvard", "harvard-classic", "poseidon", "reglo-icc"}  # their frames carry no check value


def packets(name):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(session(name))


@pytest.mark.requirement("COM-06", "SEC-09")
@pytest.mark.parametrize("name", sorted(families()))
def test_nothing_raises_or_hangs_and_nothing_damaged_is_accepted(name):
    counts, findings = fuzz(family(name).codec, packets(name), COUNT, seed=11)
    assert findings == []
    assert counts["packets"] == COUNT
    assert (counts["checked"] > COUNT / 100) is (name not in UNCHECKED), "good packets among the damaged are accepted"


def test_the_fuzzer_finds_what_a_codec_without_a_check_lets_through():
    """Proof that it can fail: here the toy pump's checksum is ignored."""
    from toy_pump.codec import Frame, Framer

    class Trusting(Framer):
        def feed(self, data):
            self._pending += data
            *lines, self._pending = self._pending.split(b"\n")
            return [Frame(line[:-3].decode("ascii", "ignore")) for line in lines]

    careless = Codec(Trusting, Trusting, checked=lambda _: True)
    _, findings = fuzz(careless, packets("toy"), COUNT, seed=11)
    assert len(findings) > 10
