"""The gateway's clock is wrong at boot: nothing starts until timesyncd has set it, and what runs does not mind."""

import time
from pathlib import Path

import pytest

from tests.vm.gateway import virtual_gateway
from tests.vm.nurse import Nurse

pytestmark = [pytest.mark.vm, pytest.mark.realtime, pytest.mark.timeout(3600)]

WRONG = "2026-01-01T00:00:00"
NTP = Path(__file__).with_name("ntp.py")


@pytest.mark.requirement("PWR-12", "STA-11")
def test_a_wrong_clock_starts_nothing_until_it_was_set_and_a_step_stops_nothing(image, measured):
    with virtual_gateway(image) as gateway:
        gateway.on(clock=WRONG)
        wrong_s = time.time() - float(gateway.run("date +%s").out)
        assert wrong_s > 86_400, "the machine's clock is right"
        gateway.machine.agent.run(
            "mkdir -p /etc/pumpd/pumpd.d; cat > /etc/pumpd/pumpd.d/clock.toml", given="clock_trusted = false\n"
        )
        gateway.run("systemctl restart pumpd-control")
        gateway.ready()
        nurse = Nurse(gateway, image.folder / "tls" / "ca.pem")
        nurse.pair()
        refused = nurse.try_order("bed1")
        assert not refused["ok"]
        assert any("clock" in reason for reason in refused["reasons"]), refused

        gateway.machine.agent.run("cat > /usr/local/lib/ntp.py", given=NTP.read_text())
        wrong_s = time.time() - float(gateway.run("date +%s.%N").out)
        gateway.run(f"systemd-run --unit ntp /usr/bin/python3 -I /usr/local/lib/ntp.py {wrong_s:.3f}")
        gateway.machine.agent.run("cat > /etc/systemd/timesyncd.conf.d/server.conf", given="[Time]\nNTP=127.0.0.1\n")
        gateway.run("systemctl restart systemd-timesyncd")
        took = gateway.wait(lambda: abs(time.time() - float(gateway.run("date +%s").out)) < 60, "timesyncd")
        gateway.wait(lambda: nurse.try_order("bed1")["ok"], "orders to be accepted")
        gateway.free("bed1")
        before = nurse.start("bed1")
        gateway.run("date --set '+2 hours'")
        given = gateway.outside.given_ml("bed1")
        gateway.wait(lambda: gateway.outside.given_ml("bed1") > given + 0.1, "0.1 mL more")
        assert gateway.infusion_state("bed1") == "running"
        gateway.free("bed1")
        gateway.booked_enough("bed1", before)
        gateway.journal_is_intact()
        measured(f"a clock {wrong_s / 86_400:.0f} days wrong at boot: set {took:.0f} s after a time server was there")
