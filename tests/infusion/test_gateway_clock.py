"""STA-11: how far the gateway's clock may be off before a start, and how much it may have been set since the order."""

import struct

import pytest

from pumpd.host.clock import Clock, of_timex, read_kernel
from pumpd.host.clock_rules import (
    KernelClock,
    error_objections,
    pump_objections,
    seconds,
    step_objections,
)

STA_PLL, STA_UNSYNC, STA_NANO = 0x0001, 0x0040, 0x2000  # linux/timex.h
S = 10**9


def timex(long_bytes, *, offset=0, maxerror=0, esterror=0, status=STA_PLL):
    """struct timex as in the kernel's header, with longs of this size; the fields after `status` are filled."""
    word = {4: "i", 8: "q"}[long_bytes]
    gap = "4x" if long_bytes == 8 else ""
    return struct.pack(f"<i{gap}4{word}i", 0, offset, -7, maxerror, esterror, status) + b"\xff" * 200


def kernel(*, synchronized=True, error_us=0, ahead_ns=0):
    return KernelClock(synchronized, error_us, ahead_ns)


@pytest.mark.requirement("STA-11")
@pytest.mark.parametrize("long_bytes", [4, 8])
def test_the_kernels_report_is_read_whatever_the_size_of_a_long(long_bytes):
    kernel_clock = of_timex(timex(long_bytes, maxerror=300_000, esterror=200, offset=-1500), long_bytes, 5)
    assert kernel_clock == kernel(error_us=301_500, ahead_ns=5)
    nano = timex(long_bytes, maxerror=300_000, offset=400_000_001, status=STA_PLL | STA_NANO)
    assert of_timex(nano, long_bytes, 0).error_us == 300_000 + 400_001  # an offset in nanoseconds, rounded up
    assert of_timex(timex(long_bytes, maxerror=1, esterror=9), long_bytes, 0).error_us == 9  # the larger of the two
    assert not of_timex(timex(long_bytes, status=STA_PLL | STA_UNSYNC), long_bytes, 0).synchronized


@pytest.mark.requirement("STA-11")
def test_the_report_of_this_machines_kernel_can_be_read():
    """Not its content: this machine's clock may not be synchronized. The kernel never reports more than 16 s."""
    kernel_clock = read_kernel()
    assert 0 <= kernel_clock.error_us <= 16_500_000
    assert kernel_clock.synchronized or kernel_clock.error_us > 0
    assert abs(Clock().kernel().ahead_ns - kernel_clock.ahead_ns) < S


@pytest.mark.requirement("STA-11")
def test_a_clock_may_be_a_second_off_and_no_more_and_the_refusal_gives_the_value():
    assert error_objections(kernel(error_us=1_000_000), trusted=False) == ()
    (reason,) = error_objections(kernel(error_us=1_000_001), trusted=False)
    assert "may be 1.001 s from NTP time, at most 1 s" in reason  # never shown as the limit itself
    assert "timedatectl timesync-status" in reason
    (reason,) = error_objections(kernel(synchronized=False), trusted=False)
    assert "the gateway's clock is not synchronized to NTP time" in reason


@pytest.mark.requirement("STA-11")
@pytest.mark.parametrize("clock", [kernel(error_us=16_000_000), kernel(synchronized=False, error_us=16_000_000)])
def test_the_site_may_vouch_for_a_clock_of_the_gateways_own(clock):
    assert error_objections(clock, trusted=True) == ()


@pytest.mark.requirement("STA-11")
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_that_was_set_by_more_than_a_second_is_detected(sign):
    before = kernel(ahead_ns=40 * S)
    assert step_objections(before, kernel(ahead_ns=40 * S + sign * S)) == ()  # a leap second
    (reason,) = step_objections(before, kernel(ahead_ns=40 * S + sign * (S + 1)))
    assert f"set {'forward' if sign > 0 else 'back'} by" in reason


@pytest.mark.requirement("STA-11")
def test_a_pump_that_reports_its_time_may_be_fifty_five_seconds_off():
    for ahead_s in (-55, 0, 55):
        assert pump_objections(ahead_s) == ()
    for ahead_s, way in ((-56, "56 s behind"), (56, "56 s ahead of")):
        (reason,) = pump_objections(ahead_s)
        assert way in reason


def test_seconds_are_never_rounded_to_a_limit():
    assert [seconds(us) for us in (0, 1, 1_000_000, 1_000_001, 15_999_999)] == ["0", "0.001", "1", "1.001", "16"]
