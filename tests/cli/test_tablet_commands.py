"""`pumpd tls, staff, tablet, pair`: what a person types at the gateway, and the result."""

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.cli.tablet import qr_code
from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore
from pumpd.control.tablets.staff import StaffStore, fits
from pumpd.journal import JournalReader
from pumpd.messages.signing import der_of
from tests.bedside.test_process import serving
from tests.control.pairing import Try
from tests.patience import PATIENCE_S


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "pumpd.toml"
    path.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n[bedside]\nnames = ["ward-7.local"]\n')
    return path


def run(config: Path, *arguments: str, typed: str = ""):
    return CliRunner().invoke(app, [*arguments, "--config", str(config)], input=typed)


@contextlib.contextmanager
def control(config: Path) -> Iterator[None]:
    """A control process without pumps, which answers on the operator socket."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pumpd.control", "--config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + PATIENCE_S
        while run(config, "status").exit_code != 0:
            assert time.monotonic() < end, "control does not answer"
            assert process.poll() is None, "control has ended"
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def public_key() -> str:
    return base64.b64encode(der_of(ec.generate_private_key(ec.SECP256R1()).public_key())).decode()


@pytest.mark.realtime
def test_staff_and_keys_are_changed_by_control_on_request(config, tmp_path):
    keys = KeyStore(tmp_path / "paired-keys.json")
    tablet = keys.add(pairable("Chrome", ("view",), base64.b64decode(public_key()), "tablet"))
    with control(config):
        done = run(config, "staff", "add", "1001", "R. Weiss", "--role", "confirm", "--pin-stdin", typed="471133\n")
        assert (done.exit_code, done.output) == (0, "Added R. Weiss (badge 1001): confirm.\n")
        person = {"badge": "1001", "name": "R. Weiss", "roles": ["confirm"]}
        assert json.loads(run(config, "staff", "list", "--json").output) == [person]
        assert run(config, "staff", "reset-pin", "1001", "--pin-stdin", typed="815377\n").exit_code == 0
        staff = StaffStore(tmp_path / "staff.json")
        assert fits(staff.all()["1001"].pin_hash, "815377")
        for arguments, typed, reason in REFUSED:
            done = run(config, *arguments, typed=typed)
            assert (done.exit_code, reason in done.stderr) == (2, True), (arguments, done.output, done.stderr)
            assert "471133" not in done.output + done.stderr
        assert run(config, "staff", "remove", "1001").exit_code == 0
        assert staff.all() == {}

        nurse = json.loads(run(config, "nurse", "pair", "software", "--key", str(tmp_path / "n.pem"), "--json").output)
        assert run(config, "tablet", "rename", tablet.id, "bed 1").exit_code == 0
        found = json.loads(run(config, "tablet", "list", "--json").output)
        assert found == [{"id": tablet.id, "name": "bed 1", "roles": ["view"]}]
        assert run(config, "tablet", "list").output == f"{tablet.id}  {'view':<26} bed 1\n"
        assert run(config, "tablet", "revoke", tablet.id).exit_code == 0
        assert list(keys.all()) == [nurse["key"]]
    with contextlib.closing(JournalReader(tmp_path / "journal.sqlite3")) as reader:
        entries = reader.after(0, 1000)
    kinds = [entry.kind for entry in entries]
    for kind in ("staff_added", "pin_reset", "staff_removed", "software_key_paired", "key_renamed", "key_revoked"):
        assert kinds.count(kind) == 1
        assert next(entry for entry in entries if entry.kind == kind).fields["by"].startswith("uid ")
    everything = "".join(path.read_text(errors="replace") for path in tmp_path.glob("*") if path.is_file())
    assert "815377" not in everything
    assert "471133" not in everything


REFUSED = [
    (("staff", "add", "1002", "A", "--pin-stdin"), "123456\n", "PIN: not one digit"),
    (("staff", "add", "1002", "A", "--pin-stdin"), "\n", "PIN: 6 to 12 digits"),
    (("staff", "add", "1002", "A", "--pin-stdin"), "471133" * 20 + "\n", "pin: "),
    (("staff", "add", "1001", "A", "--pin-stdin"), "471133\n", "belongs to R. Weiss"),
    (("staff", "add", "1002", "A"), "", "this is not a terminal"),
    (("staff", "remove", "9"), "", "no badge '9'"),
    (("staff", "reset-pin", "9", "--pin-stdin"), "471133\n", "no badge '9'"),
    (("tablet", "revoke", "9"), "", "no key '9'"),
    (("tablet", "revoke", "a b"), "", "key: "),
    (("tablet", "rename", "9", "x"), "", "no key '9'"),
    (("tablet", "rename", "9", ""), "", "name: 1 to 60"),
    (("nurse", "revoke", "9"), "", "no key '9'"),
]


@pytest.mark.parametrize(
    "arguments",
    [
        ("staff", "add", "1001", "A", "--pin-stdin"),
        ("staff", "list"),
        ("staff", "remove", "1001"),
        ("staff", "reset-pin", "1001", "--pin-stdin"),
        ("tablet", "list"),
        ("tablet", "rename", "9", "x"),
        ("tablet", "revoke", "9"),
        ("nurse", "list"),
        ("nurse", "pair", "software"),
    ],
    ids=" ".join,
)
def test_without_control_nothing_changes_and_the_command_explains_what_to_do(config, tmp_path, arguments, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    done = run(config, *arguments, typed="471133\n")
    assert done.exit_code == 1
    assert "so no control process" in done.stderr
    assert "start pumpd" in done.stderr
    assert not (tmp_path / "staff.json").exists()
    assert not (tmp_path / "paired-keys.json").exists()


def test_a_certificate_is_made_for_the_names_that_are_configured(config, tmp_path):
    made = json.loads(run(config, "tls", "--json").output)
    assert made["names"][0] == "ward-7.local"
    assert made["new_authority"] is True
    refused = run(config, "tls", "--name", "other.local")
    assert (refused.exit_code, "may not sign for other.local" in refused.stderr) == (1, True)
    again = run(config, "tls", "--name", "other.local", "--new-authority")
    assert again.exit_code == 0
    assert "A new authority: " in again.output
    later = run(config, "tls", "--json")  # by default also for what this machine has; its names are not permitted
    assert (later.exit_code, "ward-7.local" in later.output) == (1, True)
    assert all(len(line) <= 80 for line in again.output.splitlines() if ":" in line and str(tmp_path) not in line)


def test_the_code_to_scan_fits_a_terminal_of_80_by_24():
    lines = qr_code("https://192.0.2.254:8443/#pair=" + "x" * 32).splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80


@pytest.mark.realtime
@pytest.mark.requirement("SEC-01")
async def test_a_tablet_is_paired_at_the_gateway(tmp_path):
    async with serving(tmp_path) as served, served.client() as tablet:
        command = [
            sys.executable,
            "-m",
            "pumpd",
            "pair",
            "--name",
            "bed 1",
            "--json",
            "--config",
            str(tmp_path / "pumpd.toml"),
        ]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=os.environ
        )
        async with asyncio.timeout(PATIENCE_S):
            opened = json.loads(await process.stdout.readline())
            own = Try(opened["url"].partition("#pair=")[2], name="")  # none was typed on the tablet
            answer = (await tablet.post("/api/pair", json=own.offer)).json()["result"]
            assert own.answered_by(answer)
            assert (await tablet.post("/api/pair/reveal", json=own.reveal(answer))).json()["ok"]
            process.stdin.write(own.code(answer).encode() + b"\n")
            await process.stdin.drain()
            paired = json.loads(await process.stdout.readline())["paired"]
            assert await process.wait() == 0
        state = (await tablet.get(f"/api/pair/{own.window}")).json()["result"]
        assert state["tablet"] == paired
        assert (paired["name"], paired["roles"]) == ("bed 1", ["view", "confirm", "prescribe"])
