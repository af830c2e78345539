"""`pumpd setup` as root on a clean Debian with the package: the users, owners and modes of a real gateway."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.machine import EACH_DEBIAN, Machine
from tools.package import layout

pytestmark = [pytest.mark.debian, pytest.mark.realtime, pytest.mark.timeout(1200)]

SITE = """
gateway = "ward-7"
[simulation]
unsigned_library = true
[bedside]
[[pump]]
name = "bed1"
driver = "new-era"
port = "/run/pump"
model = "ne-1000"
serial = "SIM-1"
simulated = true
settings = { address = 1 }
[setup]
operators = ["ward"]
start = false
"""
# By hand: what `stat` must show of a gateway, as path, owner, group and mode.
EXPECTED = """\
/etc/pumpd root root 755
/etc/pumpd/pumpd.toml root root 644
/var/lib/pumpd pumpd pumpd 750
/var/lib/pumpd/tls root root 755
/var/lib/pumpd/tls/ca.key root root 600
/var/lib/pumpd/tls/ca.pem root root 644
/var/lib/pumpd/tls/gateway.key root root 600
/var/lib/pumpd/tls/gateway.pem root root 644
""".splitlines()


@pytest.fixture(scope="module", params=EACH_DEBIAN)
def machine(request) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="pumpd-setup-", dir="/var/tmp") as folder:  # a root has 300 MB
        made = Machine(layout.DEBIANS[request.param], Path(folder) / "root")
        done = made.install()
        assert done.returncode == 0, done.stdout + done.stderr
        yield made


@pytest.mark.requirement("SEC-18")
def test_a_gateway_is_set_up_with_the_owners_and_modes_of_the_table(machine):
    (machine.root.path / "root" / "site.toml").write_text(SITE)
    refused = machine("pumpd", "setup", "--from", "/root/site.toml", "--json")
    assert (refused.returncode, "no user 'ward'" in refused.stdout) == (2, True), refused.stdout + refused.stderr
    machine.must("useradd", "ward")
    done = json.loads(machine.must("pumpd", "setup", "--from", "/root/site.toml", "--json"))["done"]
    assert len(done) == 3
    paths = [line.split()[0] for line in EXPECTED]
    assert machine.must("stat", "--format", "%n %U %G %a", *paths).splitlines() == EXPECTED
    assert "pumpd-operators" in machine.must("id", "-nG", "ward").split()
    machine.must("pumpd", "config", "check")
    files = [each for each in doctor(machine) if each["id"].startswith("files.")]
    assert files
    assert all(each["state"] == "ok" for each in files), files

    machine.must("chmod", "0644", "/var/lib/pumpd/tls/gateway.key")
    machine.must("chown", "ward", "/etc/pumpd/pumpd.toml")
    found = "".join(each["found"] for each in doctor(machine) if each["id"].startswith("files."))
    assert "/var/lib/pumpd/tls/gateway.key" in found
    assert "/etc/pumpd/pumpd.toml" in found
    machine.must("pumpd", "setup", "--from", "/root/site.toml", "--json")  # repeats nothing, and harms nothing
    machine.must("pumpd", "tls", "--name", "localhost")
    assert machine.must("stat", "--format", "%a", "/var/lib/pumpd/tls/gateway.key") == "600\n"


def test_as_another_user_it_says_what_is_missing(machine):
    (machine.root.path / "tmp" / "site.toml").write_text(SITE.replace('operators = ["ward"]', ""))
    done = machine("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "pumpd", "setup", "--replace",
                   "--from", "/tmp/site.toml", "--json")  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "sudo" in json.loads(done.stdout)["failed"]


def doctor(machine: Machine) -> list[dict[str, str]]:
    return json.loads(machine("pumpd", "doctor", "--json").stdout)["checks"]
