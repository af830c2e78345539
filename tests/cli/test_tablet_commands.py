"""`pumpd tls, staff, tablet, pair`: what a person types at the gateway, and what comes of it."""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.cli.tablet import qr_code
from pumpd.control.confirming.signature import pairable
from pumpd.control.tablets.keys import KeyStore
from pumpd.control.tablets.staff import StaffStore, fits
from pumpd.messages.signing import der_of
from tests.bedside.test_process import serving


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "pumpd.toml"
    path.write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n[bedside]\nnames = ["ward-7.local"]\n')
    return path


def run(config: Path, *arguments: str, typed: str = ""):
    return CliRunner().invoke(app, [*arguments, "--config", str(config)], input=typed)


def test_staff_is_added_listed_changed_and_removed(config, tmp_path):
    done = run(config, "staff", "add", "1001", "R. Weiss", "--role", "confirm", "--pin-stdin", typed="4711\n")
    assert (done.exit_code, done.output) == (0, "Added R. Weiss (badge 1001): confirm.\n")
    assert json.loads(run(config, "staff", "list", "--json").output) == [
        {"badge": "1001", "name": "R. Weiss", "roles": ["confirm"]}
    ]
    assert run(config, "staff", "reset-pin", "1001", "--pin-stdin", typed="8153\n").exit_code == 0
    store = StaffStore(tmp_path / "staff.json")
    assert fits(store.all()["1001"].pin_hash, "8153")
    assert run(config, "staff", "remove", "1001").exit_code == 0
    assert store.all() == {}


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("staff", "add", "1001", "A", "--pin-stdin"), "1234\n", "PIN: not one figure"),
        (("staff", "add", "1001", "A", "--pin-stdin"), "\n", "PIN: 4 to 12 figures"),
        (("staff", "add", "1001", "A"), "", "nobody is here to type it"),
        (("staff", "remove", "9"), "", "no badge '9'"),
        (("staff", "reset-pin", "9", "--pin-stdin"), "4711\n", "no badge '9'"),
        (("tablet", "revoke", "9"), "", "no key '9'"),
        (("tablet", "rename", "9", "x"), "", "no key '9'"),
        (("tablet", "rename", "9", ""), "", "name: 1 to 60"),
    ],
)
def test_what_cannot_be_done_is_refused_with_why(config, arguments, typed, said):
    done = run(config, *arguments, typed=typed)
    assert done.exit_code == 2
    assert said in done.output
    assert "4711" not in done.output


def test_tablets_are_listed_renamed_and_revoked(config, tmp_path):
    store = KeyStore(tmp_path / "paired-keys.json")
    key = store.add(
        pairable("Chrome", ("view",), der_of(ec.generate_private_key(ec.SECP256R1()).public_key()), "tablet")
    )
    store.add(pairable("software", "confirm", der_of(ec.generate_private_key(ec.SECP256R1()).public_key())))
    assert run(config, "tablet", "rename", key.id, "bed 1").exit_code == 0
    assert json.loads(run(config, "tablet", "list", "--json").output) == [
        {"id": key.id, "name": "bed 1", "roles": ["view"]}
    ]
    assert run(config, "tablet", "list").output == f"{key.id}  {'view':<26} bed 1\n"
    assert run(config, "tablet", "revoke", key.id).exit_code == 0
    assert next(iter(store.all().values())).name == "software"


def test_a_certificate_is_made_for_the_names_that_are_configured(config, tmp_path):
    made = json.loads(run(config, "tls", "--json").output)
    assert made["names"][0] == "ward-7.local"
    assert made["new_authority"] is True
    again = run(config, "tls", "--name", "other.local")
    assert again.exit_code == 0
    assert "The authority: " in again.output
    assert all(len(line) <= 80 for line in again.output.splitlines() if ":" in line and str(tmp_path) not in line)


def test_the_code_to_scan_fits_a_terminal_of_80_by_24():
    lines = qr_code("https://192.0.2.254:8443/#pair=" + "x" * 32).splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 80


@pytest.mark.realtime
@pytest.mark.requirement("SEC-01")
async def test_a_tablet_is_paired_at_the_gateway(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
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
        async with asyncio.timeout(60):
            opened = json.loads(await process.stdout.readline())
            token = opened["url"].partition("#pair=")[2]
            body = {"token": token, "name": "Chrome", "public_key": base64.b64encode(der).decode()}
            code = (await tablet.post("/api/pair", json=body)).json()["result"]["code"]
            process.stdin.write(code.encode() + b"\n")
            await process.stdin.drain()
            paired = json.loads(await process.stdout.readline())["paired"]
            assert await process.wait() == 0
        state = (await tablet.get(f"/api/pair/{token}")).json()["result"]
        assert state["tablet"] == paired
        assert (paired["name"], paired["roles"]) == ("bed 1", ["view", "confirm", "prescribe"])
