"""A configuration that is changed, unsigned or signed by another key starts nothing, and holds up no stop (SEC-17).

On the real gateway with a simulated pump; checked by the bytes on its line and the plant's truth.
"""

import asyncio
import shutil
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pumpd.control.ordering import config_check
from pumpd.settings_file import Read
from pumpd.settings_seal import examine, signature_path
from pumpd.trust import CONFIG_KEYS, public_text, trusted_path
from tests.control.hung_disk import hung_disk
from tests.control.testbed import open_testbed
from tests.control.wire_tap import Tap
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.requirement("SEC-17")


class Site:
    """A configuration with one drop-in, and the key that signs it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.file = folder / "pumpd.toml"
        self.file.write_text('gateway = "ward-7"\n')
        self.drop_in = folder / "pumpd.d" / "10-site.toml"
        self.drop_in.parent.mkdir()
        self.drop_in.write_text("clock_trusted = false\n")
        self.key = Ed25519PrivateKey.generate()
        self.trusted = trusted_path(self.file, CONFIG_KEYS)
        self.trusted.parent.mkdir()
        self.trust(self.key)
        self.sign()

    def trust(self, *keys: Ed25519PrivateKey) -> None:
        self.trusted.write_text("# may sign\n" + "".join(public_text(key.public_key()) + "\n" for key in keys))

    def sign(self, key: Ed25519PrivateKey | None = None) -> None:
        signature_path(self.file).write_bytes((key or self.key).sign(Read(self.file).statement.encode()))

    @property
    def read(self) -> Read:
        return Read(self.file)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "etc")


def changed(site):
    site.file.write_text('gateway = "ward-8"\n')


def changed_drop_in(site):
    site.drop_in.write_text("clock_trusted = true\n")


def another_drop_in(site):
    (site.drop_in.parent / "20.toml").write_text("")


def drop_in_gone(site):
    site.drop_in.unlink()


def drop_in_renamed(site):
    site.drop_in.rename(site.drop_in.with_name("09-site.toml"))


def gone(site):
    site.file.unlink()


def unsigned(site):
    signature_path(site.file).unlink()


def cut_off(site):
    signature_path(site.file).write_bytes(signature_path(site.file).read_bytes()[:63])


def bad_signature(site):
    raw = bytearray(signature_path(site.file).read_bytes())
    raw[0] ^= 1
    signature_path(site.file).write_bytes(raw)


def another_key(site):
    site.sign(Ed25519PrivateKey.generate())


def trust_half_copied(site):
    site.trusted.write_text(site.trusted.read_text()[:40])


def trust_empty(site):
    site.trusted.write_text("")


CHANGES = [
    (changed, "pumpd has loaded"),
    (changed_drop_in, "pumpd has loaded"),
    (another_drop_in, "pumpd has loaded"),
    (drop_in_gone, "pumpd has loaded"),
    (drop_in_renamed, "pumpd has loaded"),
    (gone, "there is no such file"),
]
SEALS = [
    (unsigned, "it is not signed"),
    (cut_off, "pumpd.toml.sig does not match"),
    (bad_signature, "pumpd.toml.sig does not match"),
    (another_key, "pumpd.toml.sig does not match"),
    (trust_half_copied, "does not hold Ed25519 public keys"),
    (trust_empty, "does not hold Ed25519 public keys"),
]


def reasons(answer):
    assert not answer.ok
    return [reason for reason in answer.reasons if reason.startswith("configuration: ")]


@pytest.mark.parametrize(("change", "expected"), [*CHANGES, *SEALS])
async def test_a_change_between_order_and_confirmation_refuses_the_start(tmp_path, site, change, expected):
    async with open_testbed(tmp_path, read=site.read) as here:
        tap = Tap(here.pump)
        assert (await here.order()).ok
        await here.until("ready")
        binding = await here.binding()
        change(site)
        assert any(expected in reason for reason in reasons(await here.confirm(binding)))
        await asyncio.sleep(60)
        assert tap.count("RUN") == 0
        assert here.truth() == 0


@pytest.mark.parametrize(("change", "expected"), SEALS)
async def test_a_configuration_that_was_loaded_with_a_bad_signature_starts_nothing(tmp_path, site, change, expected):
    change(site)
    async with open_testbed(tmp_path, read=site.read) as here:
        await asyncio.sleep(10)
        (shown,) = (await here.ask(op="status")).result["configuration"]["problems"]
        assert expected in shown, "known before anyone orders"
        assert reasons(await here.order()) == [shown]


@pytest.mark.parametrize("change", [changed, changed_drop_in, another_drop_in, drop_in_gone])
async def test_without_a_trusted_key_a_change_still_refuses_the_start_until_it_is_undone(tmp_path, site, change):
    shutil.rmtree(site.trusted.parent)
    signature_path(site.file).unlink()
    kept = {each: each.read_bytes() for each in (site.file, site.drop_in)}
    async with open_testbed(tmp_path, read=site.read) as here:
        await asyncio.sleep(10)
        status = (await here.ask(op="status")).result["configuration"]
        assert (status["key"], status["problems"]) == (None, []), "not signed, and said so"
        assert (await here.order()).ok
        await here.until("ready")
        change(site)
        assert reasons(await here.confirm())
        for file in site.drop_in.parent.iterdir():
            file.unlink()
        for file, raw in kept.items():
            file.write_bytes(raw)
        assert (await here.confirm(request="r-2")).ok
        await here.until("running")


async def test_a_signed_one_starts_and_the_state_names_the_key(tmp_path, site):
    async with open_testbed(tmp_path, read=site.read) as here:
        await here.start()
        status = (await here.ask(op="status")).result["configuration"]
        assert status == {"digest": site.read.digest, "key": examine(site.file).key, "problems": []}
        (started,) = [entry for entry in here.entries() if entry.kind == "control_started"]
        assert started.fields["configuration"] == site.read.digest


async def test_any_of_several_trusted_keys_may_sign(tmp_path, site):
    other = Ed25519PrivateKey.generate()
    site.trust(other, site.key)
    async with open_testbed(tmp_path, read=site.read) as here:
        assert (await here.order()).ok


async def test_no_change_disturbs_a_running_infusion_its_pause_or_its_resume(tmp_path, site):
    async with open_testbed(tmp_path, read=site.read) as here:
        await here.start()
        for change in (changed, drop_in_gone, unsigned):
            change(site)
        await asyncio.sleep(600)
        assert here.state() == "running"
        assert (await here.ask(op="pause", pump="bed1", by="nurse")).ok
        await here.until("paused")
        assert (await here.ask(op="resume", pump="bed1", by="nurse")).ok
        await here.until("ready")
        assert (await here.confirm(request="r-2")).ok
        await here.until("completed", within_s=2400)
        assert here.truth() == pytest.approx(35, rel=0.02)
        assert reasons(await here.order(patient="token-2"))


async def test_a_hung_disk_refuses_the_start_in_time_and_delays_neither_stop_nor_another_infusion(
    tmp_path, site, monkeypatch
):
    async with open_testbed(tmp_path, read=site.read, beds=("bed1", "bed2")) as here:
        await here.start("bed2", patient="token-2")
        assert (await here.order()).ok
        await here.until("ready")
        binding = await here.binding()

        async def hang(*_):
            await asyncio.sleep(3600)

        monkeypatch.setattr(here.gateway.config_check._disk, "result", hang)
        waiting = asyncio.create_task(here.confirm(binding))
        await asyncio.sleep(1)
        asked = asyncio.get_running_loop().time()
        assert (await here.ask(op="stop", pump="bed2", reason="test")).ok
        assert asyncio.get_running_loop().time() - asked < 0.5
        await here.until("stopped", pump="bed2")
        (reason,) = reasons(await waiting)
        assert "was not read in 2 s" in reason
        assert here.state() == "ready"


async def test_a_stop_while_the_disk_is_read_is_not_followed_by_a_start(tmp_path, site, monkeypatch):
    async with open_testbed(tmp_path, read=site.read) as here:
        tap = Tap(here.pump)
        assert (await here.order()).ok
        await here.until("ready")
        binding = await here.binding()
        own = here.gateway.config_check._disk.result

        async def slow():
            await asyncio.sleep(1.5)
            return await own()

        monkeypatch.setattr(here.gateway.config_check._disk, "result", slow)
        waiting = asyncio.create_task(here.confirm(binding))
        await asyncio.sleep(0.5)
        assert (await here.ask(op="stop", pump="bed1", reason="test")).ok
        assert not (await waiting).ok
        await asyncio.sleep(60)
        assert tap.count("RUN") == 0
        assert here.truth() == 0


@pytest.mark.realtime
async def test_a_file_that_never_answers_occupies_one_thread(tmp_path, site, monkeypatch):
    monkeypatch.setattr(config_check, "WITHIN_S", 0.05)
    async with open_testbed(tmp_path, read=site.read) as here:
        with hung_disk():
            for _ in range(5):
                assert "was not read in 0.05 s" in (await here.gateway.config_check.objections())[0]
            assert [each.name for each in threading.enumerate()].count("configuration check") == 1
        monkeypatch.setattr(config_check, "WITHIN_S", PATIENCE_S)
        assert await here.gateway.config_check.objections() == (), "the disk is back"
