"""A library that is unsigned, untrusted, older, changed or for another care area starts nothing (PRG-19).

On the real gateway with a simulated pump; checked by the bytes on its line and the plant's truth.
"""

import asyncio
import threading
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pumpd.control.ordering import library_check
from pumpd.control.process import _library
from pumpd.dosing import LibraryError
from pumpd.dosing.seal import MANIFEST_FILE, SIGNATURE_FILE
from pumpd.journal.replay import Replay
from pumpd.library.files import CHECKOUT, read_files, read_library
from pumpd.library.signing import sign_library, throwaway
from pumpd.trust import public_text
from tests.control.hung_disk import hung_disk
from tests.control.test_restart import another_process, die
from tests.control.testbed import ORDER, open_testbed
from tests.control.wire_tap import Tap
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.requirement("PRG-19")

ENTRY = "ketamine-1mg-ml.toml"


class Pharmacy:
    """A library of the site's own, and the key that signs it."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "library"
        throwaway(CHECKOUT, self.place)  # the shipped key is not available: `sign` replaces the signature
        self.key = Ed25519PrivateKey.generate()
        self.sign(version=5)

    def sign(self, key: Ed25519PrivateKey | None = None, **what: object) -> None:
        (self.place / MANIFEST_FILE).unlink(missing_ok=True)
        made = {"name": "Testbed 7", "care_area": "day-clinic", "version": 5} | what
        sign_library(self.place, key or self.key, **made)

    @property
    def settings(self) -> dict[str, object]:
        keys = {"pharmacy": public_text(self.key.public_key())}
        return {"library_dir": self.place, "care_area": "day-clinic", "library_keys": keys}

    def change(self, file: str = ENTRY, old: str = 'hard_max = "1 mg/kg"', new: str = 'hard_max = "0.9 mg/kg"') -> None:
        path = self.place / file
        text = path.read_text()
        assert text.count(old) >= 1
        path.write_text(text.replace(old, new))


@pytest.fixture
def pharmacy(tmp_path):
    return Pharmacy(tmp_path / "pharmacy")


def unsigned(pharmacy):
    (pharmacy.place / MANIFEST_FILE).unlink()
    (pharmacy.place / SIGNATURE_FILE).unlink()


def signature_gone(pharmacy):
    (pharmacy.place / SIGNATURE_FILE).unlink()


def manifest_gone(pharmacy):
    (pharmacy.place / MANIFEST_FILE).unlink()


def bad_signature(pharmacy):
    raw = bytearray((pharmacy.place / SIGNATURE_FILE).read_bytes())
    raw[0] ^= 1
    (pharmacy.place / SIGNATURE_FILE).write_bytes(raw)


def unknown_key(pharmacy):
    pharmacy.sign(Ed25519PrivateKey.generate())


def another_key_under_the_trusted_ones_name(pharmacy):
    """The manifest names the trusted key, and another one signed it."""
    raw = (pharmacy.place / MANIFEST_FILE).read_bytes()
    (pharmacy.place / SIGNATURE_FILE).write_bytes(Ed25519PrivateKey.generate().sign(raw))


def other_care_area(pharmacy):
    pharmacy.sign(care_area="intensive-care")


def changed_entry(pharmacy):
    pharmacy.change()


def changed_container(pharmacy):
    pharmacy.change("containers.toml", 'dead_volume = "1 mL"', 'dead_volume = "2 mL"')


def another_entry(pharmacy):
    text = (pharmacy.place / ENTRY).read_text().replace('id = "ketamine-1mg-ml"', 'id = "new"')
    text = text.replace('name = "Ketamine', 'name = "New ketamine')
    (pharmacy.place / "new.toml").write_text(text)


def one_entry_less(pharmacy):
    (pharmacy.place / "ketamine-2mg-ml.toml").unlink()


SEALS = [
    (unsigned, "it is not signed; a pharmacist signs it"),
    (signature_gone, "one of library.toml and library.sig is missing"),
    (manifest_gone, "one of library.toml and library.sig is missing"),
    (bad_signature, "library.sig does not match library.toml"),
    (unknown_key, "which library_keys in this gateway's configuration does not name"),
    (another_key_under_the_trusted_ones_name, "library.sig does not match library.toml"),
    (other_care_area, "it is for intensive-care, this gateway is in day-clinic"),
    (changed_entry, "a file was changed after it was signed"),
    (changed_container, "a file was changed after it was signed"),
    (another_entry, "a file was changed after it was signed"),
    (one_entry_less, "a file was changed after it was signed"),
]


def library_reasons(answer):
    assert not answer.ok
    return [reason for reason in answer.reasons if reason.startswith("library: ")]


@pytest.mark.parametrize(("change", "expected"), SEALS)
async def test_with_an_unacceptable_library_nothing_is_ordered_and_nothing_sent(tmp_path, pharmacy, change, expected):
    change(pharmacy)
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        tap = Tap(here.pump)
        (reason,) = library_reasons(await here.order())
        assert expected in reason
        assert "(PRG-19)" in reason
        assert (await here.ask(op="library")).ok, "it can be read and used for planning"
        status = (await here.ask(op="status")).result
        assert status["library"]["problems"] == [reason]
        assert "library_accepted" not in here.kinds()
        assert [entry.fields["reasons"] for entry in here.entries() if entry.kind == "order_refused"] == [[reason]]
        await asyncio.sleep(60)
        assert tap.count("RUN") == 0
        assert here.truth() == 0


@pytest.mark.requirement("SEC-17")
@pytest.mark.parametrize(("change", "expected"), SEALS)
async def test_a_change_while_control_runs_is_found_at_the_start(tmp_path, pharmacy, change, expected):
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        tap = Tap(here.pump)
        assert (await here.order()).ok
        await here.until("ready")
        binding = await here.binding()
        change(pharmacy)
        reasons = library_reasons(await here.confirm(binding))
        assert any(expected in reason for reason in reasons), reasons
        await asyncio.sleep(60)
        assert tap.count("RUN") == 0
        assert here.truth() == 0


@pytest.mark.requirement("SEC-17")
async def test_a_good_library_that_is_not_the_loaded_one_starts_nothing_until_control_has_read_it(tmp_path, pharmacy):
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        assert (await here.order()).ok
        await here.until("ready")
        pharmacy.change()
        pharmacy.sign(version=6)
        (reason,) = library_reasons(await here.confirm())
        assert "the disk has" in reason
        assert "version 6" in reason
        assert "pumpd has loaded" in reason
        assert "version 5" in reason
        pharmacy.change(old='hard_max = "0.9 mg/kg"', new='hard_max = "1 mg/kg"')
        pharmacy.sign(version=5)
        assert (await here.confirm(request="r-2")).ok, "the loaded one is installed again"
        await here.until("running")


async def test_no_change_of_the_library_disturbs_a_running_infusion(tmp_path, pharmacy):
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        await here.start()
        for file in pharmacy.place.iterdir():
            file.unlink()
        await asyncio.sleep(600)
        assert here.state() == "running"
        assert (await here.ask(op="pause", pump="bed1", by="nurse")).ok
        await here.until("paused")
        assert (await here.ask(op="resume", pump="bed1", by="nurse")).ok
        await here.until("ready")
        assert (await here.confirm(request="r-2")).ok, "the rest of an infusion that was started with it"
        await here.until("completed", within_s=2400)
        assert here.truth() == pytest.approx(35, rel=0.02)
        assert library_reasons(await here.order(patient="token-2"))


async def test_the_same_files_installed_again_are_the_same_library_and_comments_do_not_matter(tmp_path, pharmacy):
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        for file, raw in read_files(pharmacy.place).items():
            (pharmacy.place / file).unlink()
            (pharmacy.place / file).write_bytes(raw)
        pharmacy.change(old='drug = "ketamine"', new='drug = "ketamine"  # a comment')
        assert (await here.order()).ok


@pytest.mark.requirement("AUD-11")
async def test_the_record_of_a_session_names_its_library_and_the_key_that_signed_it(tmp_path, pharmacy):
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        await here.start()
        review = (await here.ask(op="status")).result["pumps"][0]["infusion"]["review"]
        assert (review["library_version"], review["care_area"]) == (5, "day-clinic")
        entries = here.entries()
    written = tomllib.loads((pharmacy.place / MANIFEST_FILE).read_text())
    (accepted,) = [entry for entry in entries if entry.kind == "order_accepted"]
    assert accepted.fields["program"]["manifest"] == written
    assert accepted.fields["program"]["library"] == written["digest"]
    (began,) = [entry for entry in entries if entry.kind == "began"]
    assert began.fields["build"]["library"] == written["digest"]
    assert began.fields["build"]["manifest"] == written
    (entered,) = [entry for entry in entries if entry.kind == "library_accepted"]
    assert entered.fields == {key: value for key, value in written.items() if key != "pumpd_library"}
    assert entered.id < accepted.id
    replayed = Replay(entries)
    assert replayed.differences == []
    (one,) = replayed.infusions.values()
    assert one.library == {each: written[each] for each in ("digest", "version", "care_area", "key")}


async def test_no_version_below_the_highest_accepted_one_starts_anything(tmp_path, pharmacy):
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        await asyncio.sleep(10)  # without an order: it was loaded and accepted
        await die(here)
        pharmacy.sign(version=4)
        async with another_process(here, library=read_library(pharmacy.place)):
            (reason,) = library_reasons(await here.order())
            assert "version 4 is older than version 5" in reason
            await die(here)
        pharmacy.change()
        pharmacy.sign(version=5)
        async with another_process(here, "boot-3", library=read_library(pharmacy.place)):
            (reason,) = library_reasons(await here.order())
            assert "version 5 was in use here with the digest" in reason
            await die(here)
        pharmacy.sign(version=6)
        async with another_process(here, "boot-4", library=read_library(pharmacy.place)):
            await asyncio.sleep(3)
            assert (await here.order()).ok
            await die(here)
        pharmacy.change(old='hard_max = "0.9 mg/kg"', new='hard_max = "1 mg/kg"')
        pharmacy.sign(version=5)
        async with another_process(here, "boot-5", library=read_library(pharmacy.place)):
            (reason,) = library_reasons(await here.order(patient="token-2"))
            assert "version 5 is older than version 6" in reason
    assert [entry.fields["version"] for entry in here.entries() if entry.kind == "library_accepted"] == [5, 6]


async def test_a_gateway_without_a_care_area_or_keys_starts_nothing(tmp_path, pharmacy):
    async with open_testbed(tmp_path, top={"library_dir": pharmacy.place, "library_keys": {}}) as here:
        (reason,) = library_reasons(await here.order())
        assert "library_keys" in reason


async def test_simulated_pumps_may_use_an_unsigned_library_and_every_display_shows_that(tmp_path):
    without = {"library_dir": CHECKOUT, "library_keys": {}, "simulation": {"unsigned_library": True}}
    async with open_testbed(tmp_path, top=without) as here:
        await here.start()
        review = (await here.ask(op="status")).result["pumps"][0]["infusion"]["review"]
        assert review["library_version"] is None
        assert "library_accepted" not in here.kinds()


@pytest.mark.parametrize("what", [signature_gone, manifest_gone, bad_signature, unknown_key])
async def test_a_gateway_that_needs_no_signature_still_refuses_a_bad_one(tmp_path, pharmacy, what):
    what(pharmacy)
    without = {"library_dir": pharmacy.place, "library_keys": {}, "simulation": {"unsigned_library": True}}
    async with open_testbed(tmp_path, top=without) as here:
        assert library_reasons(await here.order())


async def test_an_entry_that_the_library_does_not_have_is_refused(tmp_path, pharmacy):
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        refused = await here.order(entry="ketamine-3mg-ml")
        assert any("is not in the library" in reason for reason in refused.reasons)


async def test_a_hung_disk_refuses_the_start_and_delays_neither_polls_nor_stop(tmp_path, pharmacy, monkeypatch):
    async with open_testbed(tmp_path, top=pharmacy.settings, beds=("bed1", "bed2")) as here:
        await here.start("bed2", patient="token-2")
        assert (await here.order()).ok
        await here.until("ready")
        binding = await here.binding()

        async def hang(*_):
            await asyncio.sleep(3600)

        monkeypatch.setattr(library_check.OwnThread, "result", hang)
        waiting = asyncio.create_task(here.confirm(binding))
        await asyncio.sleep(1)
        assert (await here.ask(op="stop", pump="bed2", reason="test")).ok
        await here.until("stopped", pump="bed2")
        (reason,) = library_reasons(await waiting)
        assert "was not read in 2 s" in reason
        assert here.state() == "ready"


@pytest.mark.realtime
async def test_a_hung_disk_occupies_one_thread_and_no_other(tmp_path, pharmacy, monkeypatch):
    monkeypatch.setattr(library_check, "WITHIN_S", 0.05)
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        await here.ask(op="associate", pump="bed1", patient="token-1", by="nurse-1")
        with hung_disk():
            for _ in range(40):
                (reason,) = library_reasons(await here.ask(**ORDER))
                assert "was not read in 0.05 s" in reason
            assert [each.name for each in threading.enumerate()].count("library check") == 1
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(asyncio.to_thread(lambda: None) for _ in range(40)))
        monkeypatch.setattr(library_check, "WITHIN_S", PATIENCE_S)
        assert (await here.ask(**ORDER)).ok, "the disk is back"


@pytest.mark.requirement("PWR-04")
async def test_control_starts_with_a_broken_library_stops_what_flows_and_starts_no_infusion(tmp_path, pharmacy):
    async with open_testbed(tmp_path, top=pharmacy.settings) as here:
        await here.start()
        await asyncio.sleep(300)
        await die(here)
        pharmacy.change(old='drug = "ketamine"', new="drug = ")
        with pytest.raises(LibraryError):
            read_library(pharmacy.place)
        given = here.truth()
        assert here.pump.truth()["running"]
        async with another_process(here, library=_library(here.gateway.settings)):
            await asyncio.sleep(8)
            assert not here.pump.truth()["running"]
            assert here.truth() - given < 0.1
            assert here.state() == "tripped"
            (problem,) = (await here.ask(op="status")).result["library"]["problems"]
            assert f"{ENTRY}: not valid TOML" in problem
            assert "install a correct one" in problem
            assert library_reasons(await here.order(patient="token-2"))
            await here.ask(op="clear", pump="bed1", by="nurse")
            await here.ask(op="resume", pump="bed1", by="nurse")
            await here.until("stopped")
            pharmacy.change(old="drug = ", new='drug = "ketamine"')
            (reason,) = library_reasons(await here.order(patient="token-2"))
            assert "restart control" in reason
