"""Updates of a gateway that runs: the real dpkg, the real systemd, and the power (SEC-10).

In this order: after an infusion, no update is permitted for two hours. Compiling Python takes minutes in an emulated
machine.
"""

import time
from dataclasses import dataclass

import pytest

from tests.vm.gateway import VirtualGateway, virtual_gateway
from tests.vm.machine import SOCKETS
from tests.vm.nurse import Nurse
from tests.vm.pumps import BEDS
from tests.vm.releases import Releases

pytestmark = [
    pytest.mark.vm, pytest.mark.realtime, pytest.mark.timeout(3 * 3600), pytest.mark.requirement("SEC-10"),
]  # fmt: skip

WITHIN_S = 3000.0  # an update and its rollback; a test that passes does not wait
NEWER, CUT, ILL, NEWEST = (f"{number}.0+deb13" for number in (96, 97, 98, 99))
OFFERS = "/root/offers"
STORE = "/var/lib/pumpd-updates"
# What a refused update must leave as it was: the package, its files, what the updater keeps, and control.
UNCHANGED = (
    "dpkg-query --show pumpd; dpkg --verify pumpd; ls /opt/pumpd/lib/core/pumpd/__pycache__; "
    f"ls {STORE}/under-way {STORE}/last.json {STORE}/previous.deb {STORE}/installed.deb; "
    "journalctl --boot --unit pumpd-control --output cat | grep --count '^Stopping '"
)


@dataclass
class Site:
    gateway: VirtualGateway
    nurse: Nurse

    def update(self, name):
        began = time.monotonic()
        done = self.gateway.run(f"pumpd update {OFFERS}/{name}.deb", check=False, within_s=WITHIN_S)
        return done, time.monotonic() - began

    @property
    def installed(self):
        return self.gateway.run("dpkg-query --show --showformat '${Version} ${db:Status-Status}' pumpd").out

    def unchanged(self):
        return self.gateway.run(UNCHANGED, check=False).out

    def is_well(self, version):
        """This version is installed, whole, and does all that the gateway did before."""
        self.gateway.ready()
        assert self.installed == f"{version} installed"
        assert self.gateway.run("pumpd --version").out.startswith(f"pumpd {version.partition('+')[0]}. ")
        assert not self.gateway.run("dpkg --audit; dpkg --verify pumpd", check=False).out
        self.gateway.journal_is_intact()
        assert self.gateway.entries("control_started")[-1]["fields"]["build"]["pumpd"] == version.partition("+")[0]


@pytest.fixture(scope="module")
def site(image, measured, tmp_path_factory):
    releases = Releases(tmp_path_factory.mktemp("releases"), image.arch)
    releases.bare("older", "0.0.1+deb13")
    releases.bare("foreign", NEWEST, "arm64" if image.arch == "amd64" else "amd64")
    releases.bare("newest", NEWEST)
    releases.copied("forged", "newest", "older")
    releases.newer("newer", NEWER)
    releases.newer("cut", CUT)
    releases.newer("ill", ILL, control="#!/bin/sh\nexit 1\n")
    with virtual_gateway(image, brought=releases.written()) as gateway:
        measured(f"an update: ready {gateway.on():.0f} s after power")
        gateway.run(f"mkdir {OFFERS} && tar --extract --file /dev/vdb --directory {OFFERS}")
        gateway.run(f"install -D --mode 644 {OFFERS}/update.pub /etc/pumpd/trust/update.pub")
        # As if `pumpd update` had installed it: dpkg-repack takes an emulated machine too long.
        gateway.run(f"install -D --mode 600 {OFFERS}/installed.deb {STORE}/installed.deb && chmod 700 {STORE}")
        yield Site(gateway, Nurse(gateway, image.folder / "tls" / "ca.pem"))


@pytest.mark.parametrize(
    ("name", "why"),
    [("forged", "does not match"), ("older", "is older than the installed"), ("foreign", "this gateway is")],
)
def test_what_is_not_a_newer_package_for_this_gateway_is_refused_and_nothing_changes(site, name, why):
    before = site.unchanged()
    done, _ = site.update(name)
    assert (done.code, why in done.err) == (2, True), done.text
    assert site.unchanged() == before


def test_a_newer_version_is_installed_while_the_gateway_runs(site, measured):
    done, took = site.update("newer")
    assert done.code == 0, done.text
    site.is_well(NEWER)
    measured(f"an update: installed and healthy after {took:.0f} s")


def test_a_version_whose_control_does_not_come_up_is_rolled_back_by_itself(site, measured):
    before = site.installed
    done, took = site.update("ill")
    assert (done.code, "was rolled back" in done.err) == (1, True), done.text
    site.is_well(before.split()[0])
    measured(f"an update: a control that ends at once was rolled back after {took:.0f} s")


@pytest.mark.requirement("PWR-02")
def test_a_power_cut_in_the_middle_brings_the_previous_version_back_at_the_next_boot(site, measured):
    before = site.installed
    site.gateway.run(f"systemd-run --unit update pumpd update {OFFERS}/cut.deb")
    took = site.gateway.wait(lambda: not site.installed.endswith(" installed"), "dpkg to unpack it", WITHIN_S)
    site.gateway.machine.cut()
    boot_s = site.gateway.on(cables=False)
    rolled_back = f"test -e {STORE}/rolled-back"
    boot_s += site.gateway.wait(
        lambda: site.gateway.run(rolled_back, check=False).code == 0, "the previous version", WITHIN_S
    )
    for bed, place in zip(BEDS, SOCKETS, strict=False):
        site.gateway.plug(bed, place)
    site.is_well(before.split()[0])
    assert "rolled back" in site.gateway.run("pumpd update").out
    measured(f"an update: the power was cut {took:.0f} s after its begin; rolled back {boot_s:.0f} s after power")


@pytest.mark.requirement("PWR-14")
def test_while_an_infusion_runs_nothing_is_installed_and_it_runs_on(site, measured):
    site.nurse.pair()
    before_ml = site.nurse.start("bed1")
    before = site.unchanged()
    done, _ = site.update("newest")
    assert (done.code, "has an infusion" in done.err) == (2, True), done.text
    assert site.unchanged() == before
    assert site.gateway.infusion_state("bed1") == "running"
    site.gateway.free("bed1")
    site.gateway.booked_enough("bed1", before_ml)
    done, _ = site.update("newest")
    assert (done.code, "less than two hours ago" in done.err) == (2, True), done.text
