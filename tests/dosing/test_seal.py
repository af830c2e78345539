"""A library's seal: the rules alone, and every kind of change in the files of a signed library (PRG-19)."""

import dataclasses
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from pumpd.dosing import LibraryError
from pumpd.dosing.seal import MANIFEST_FILE, SIGNATURE_FILE, Asked, Found, Manifest, Mark, Signature, objections
from pumpd.library.files import CHECKOUT, read_files, read_library
from pumpd.library.signing import examine, sign_library
from pumpd.trust import SigningError, key_id, load_key, make_key, public_text

pytestmark = pytest.mark.requirement("PRG-19")

SAYS, OTHER = "a" * 64, "b" * 64
MANIFEST = Manifest(pumpd_library=1, name="Testbed 7", version=5, care_area="day-clinic", digest=SAYS, key="c" * 16)
GOOD = Found(SAYS, MANIFEST, Signature.GOOD)
ASKED = Asked("day-clinic")


def reasons_against(found=GOOD, asked=ASKED, mark=None, loaded="same"):
    return objections(found, asked, mark, found if loaded == "same" else loaded)


def manifest(**changes):
    return Manifest(**(MANIFEST.model_dump() | changes))


@pytest.mark.parametrize(
    ("mark", "taken"),
    [
        (None, True),
        (Mark(4, OTHER), True),
        (Mark(5, SAYS), True),
        (Mark(5, OTHER), False),
        (Mark(6, SAYS), False),
        (Mark(6, OTHER), False),
    ],
)
def test_a_version_may_stay_or_rise_and_has_one_content_only(mark, taken):
    assert (reasons_against(mark=mark) == ()) == taken


@pytest.mark.parametrize("signature", [each for each in Signature if each is not Signature.GOOD])
@pytest.mark.parametrize("unsigned", [False, True])
def test_only_a_valid_signature_is_accepted_except_for_simulated_pumps_which_need_none(signature, unsigned):
    found = Found(SAYS, None if signature is Signature.NONE else MANIFEST, signature)
    reasons = reasons_against(found, Asked("day-clinic", unsigned))
    assert (reasons == ()) == (unsigned and signature is Signature.NONE)
    assert all(reason.startswith("library: ") and reason.endswith("(PRG-19)") for reason in reasons)


@pytest.mark.parametrize(
    ("found", "asked", "mark", "loaded", "expected"),
    [
        (GOOD, Asked("intensive-care"), None, "same", ["is for day-clinic", "is in intensive-care"]),
        (GOOD, Asked(None), None, "same", ["set care_area"]),
        (Found(OTHER, MANIFEST, Signature.GOOD), ASKED, None, "same", ["was changed after it was signed"]),
        (GOOD, ASKED, None, Found(OTHER, MANIFEST), ["the disk has", "restart control"]),
        (GOOD, ASKED, None, Found(SAYS, manifest(version=4)), ["the disk has", "version 4"]),
        (GOOD, ASKED, None, Found(SAYS, None), ["the disk has", "unsigned"]),
        (Found(SAYS), Asked(None, unsigned=True), None, Found(OTHER), ["the disk has"]),
        (Found(problems=("x.toml: bad", "y.toml: bad")), ASKED, None, "same", ["x.toml: bad", "y.toml: bad"]),
        (
            Found(OTHER, manifest(version=3, care_area="icu"), Signature.GOOD),
            ASKED,
            Mark(5, SAYS),
            Found(SAYS, MANIFEST),
            ["changed after", "is for icu", "is older", "the disk has"],
        ),
    ],
)
def test_every_reason_is_given_at_once(found, asked, mark, loaded, expected):
    reasons = reasons_against(found, asked, mark, loaded)
    for part in expected:
        assert any(part in reason for reason in reasons), (part, reasons)


# -- tampering -------------------------------------------------------------------------------------------------------


@cache
def signed() -> tuple[Path, dict[str, bytes], dict[str, str]]:
    folder = Path(tempfile.mkdtemp(prefix="pumpd-seal-"))
    for file, raw in read_files(CHECKOUT).items():
        (folder / file).write_bytes(raw)
    key = Ed25519PrivateKey.generate()
    sign_library(folder, key, name="Testbed 7", version=5, care_area="day-clinic")
    files = read_files(folder)
    shutil.rmtree(folder)
    return folder, files, {"pharmacy": public_text(key.public_key())}


def found_after(files: dict[str, bytes], trusted: dict[str, str]) -> Found:
    with tempfile.TemporaryDirectory(prefix="pumpd-seal-") as folder:
        for file, raw in files.items():
            (Path(folder) / file).write_bytes(raw)
        return examine(Path(folder), trusted)


FILES = sorted(signed()[1])


def test_a_signed_library_is_accepted():
    _, files, trusted = signed()
    assert set(files) == {*(path.name for path in CHECKOUT.glob("*.toml")), MANIFEST_FILE, SIGNATURE_FILE}
    assert reasons_against(found_after(files, trusted)) == ()


@given(st.data())
def test_no_changed_byte_of_manifest_or_signature_is_accepted(data):
    _, files, trusted = signed()
    file = data.draw(st.sampled_from([MANIFEST_FILE, SIGNATURE_FILE]))
    at = data.draw(st.integers(0, len(files[file]) - 1))
    raw = bytearray(files[file])
    raw[at] ^= data.draw(st.integers(1, 255))
    assert reasons_against(found_after(files | {file: bytes(raw)}, trusted)), (file, at)


@given(st.sampled_from([MANIFEST_FILE, SIGNATURE_FILE]), st.binary(max_size=80))
@example(MANIFEST_FILE, b"")
@example(SIGNATURE_FILE, b"")
def test_nothing_shorter_longer_or_different_is_accepted_as_manifest_or_signature(file, raw):
    _, files, trusted = signed()
    for other in (raw, files[file] + raw if raw else raw, files[file][: len(raw)]):
        assert reasons_against(found_after(files | {file: other}, trusted))


@given(st.data())
def test_a_changed_byte_of_an_entry_is_refused_or_means_the_same(data):
    _, files, trusted = signed()
    before = found_after(files, trusted)
    file = data.draw(st.sampled_from([each for each in FILES if each not in (MANIFEST_FILE, SIGNATURE_FILE)]))
    raw = bytearray(files[file])
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    found = found_after(files | {file: bytes(raw)}, trusted)
    assert bool(objections(found, ASKED, None, before)) == (found.digest != before.digest)
    if found.digest == before.digest:
        with tempfile.TemporaryDirectory(prefix="pumpd-seal-") as folder:
            for name, text in (files | {file: bytes(raw)}).items():
                (Path(folder) / name).write_bytes(text)
            same = read_library(Path(folder))
        assert (same.entries, same.containers) == _parsed()


@cache
def _parsed():
    library = read_library(CHECKOUT)
    return library.entries, library.containers


def _leaves(value, path=()):
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), (*path, name))
    else:
        yield path


def test_the_digest_covers_every_field_of_an_entry():
    library = read_library(CHECKOUT)
    entry = library.entries["ketamine-1mg-ml"]
    leaves = list(_leaves(entry))
    assert len(leaves) > 25
    for path in leaves:
        changed = _with(entry, path)
        other = dataclasses.replace(library, entries={**library.entries, entry.id: changed})
        assert other.digest != library.digest, path


def _with(model, path):
    """A copy with another value at the end of the path, unchecked."""
    head, *rest = path
    return model.model_copy(update={head: _with(getattr(model, head), rest) if rest else "another"})


def test_an_added_or_removed_file_is_found():
    _, files, trusted = signed()
    another = files["ketamine-1mg-ml.toml"].replace(b'"ketamine-1mg-ml"', b'"new"', 1)
    more = files | {"new.toml": another.replace(b'name = "Ketamine', b'name = "New ketamine')}
    assert any("changed after" in reason for reason in reasons_against(found_after(more, trusted)))
    less = {name: raw for name, raw in files.items() if name != "ketamine-2mg-ml.toml"}
    assert any("changed after" in reason for reason in reasons_against(found_after(less, trusted)))


def test_a_signature_by_the_trusted_key_over_something_else_does_not_sign_a_library(tmp_path):
    _, files, _ = signed()
    key = Ed25519PrivateKey.generate()
    text = manifest(key=key_id(public_text(key.public_key()))).text.encode()
    for other in (b"", text[:-1], text + b"\n", b"pumpd-confirmation-v1\n" + text):
        found = found_after(
            files | {MANIFEST_FILE: text, SIGNATURE_FILE: key.sign(other)}, {"pharmacy": public_text(key.public_key())}
        )
        assert found.signature is Signature.BAD


@pytest.mark.parametrize(
    "bad",
    [
        b"[" * 100_000,
        b"version = " + b"9" * 5000,
        b"\xff\xfe",
        b"pumpd_library = 2\n",
        MANIFEST.text.encode() + b"more = 1\n",
        MANIFEST.text.replace("version = 5", "version = 0").encode(),
        MANIFEST.text.replace("version = 5", "version = 5.0").encode(),
        MANIFEST.text.replace("version = 5", 'version = "5"').encode(),
        MANIFEST.text.replace("version = 5", "version = true").encode(),
        MANIFEST.text.replace("version = 5", "version = 100000000").encode(),
        MANIFEST.text.replace("day-clinic", "day clinic").encode(),
    ],
)
def test_an_invalid_manifest_is_a_reason_and_not_a_crash(bad):
    _, files, trusted = signed()
    found = found_after(files | {MANIFEST_FILE: bad}, trusted)
    assert any(MANIFEST_FILE in reason for reason in reasons_against(found))


# -- signing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "library"
    shutil.copytree(CHECKOUT, folder)
    return folder


def test_a_version_rises_and_fields_that_are_not_given_stay(place):
    key = Ed25519PrivateKey.generate()
    with pytest.raises(SigningError, match="name"):
        sign_library(place, key)
    assert not (place / MANIFEST_FILE).exists()
    first = sign_library(place, key, name="Testbed 7", care_area="day-clinic")
    second = sign_library(place, key)
    assert (first.version, second.version) == (1, 2)
    assert (second.name, second.care_area, second.digest) == ("Testbed 7", "day-clinic", first.digest)
    assert sign_library(place, key, version=20261126).version == 20261126
    with pytest.raises(SigningError, match="sign with a higher one"):
        sign_library(place, key, version=20261125)
    path = place / "containers.toml"
    path.write_text(path.read_text().replace('dead_volume = "1 mL"', 'dead_volume = "2 mL"'))
    with pytest.raises(SigningError, match="with other contents"):
        sign_library(place, key, version=20261126)
    with pytest.raises(SigningError, match="version"):
        sign_library(place, key, version=100_000_000)


def test_a_library_that_cannot_be_used_is_not_signed(place):
    (place / "new.toml").write_text('id = "new"')
    with pytest.raises(LibraryError, match=r"new\.toml"):
        sign_library(place, Ed25519PrivateKey.generate(), name="x", care_area="y")


def test_only_its_owner_can_read_a_private_key(tmp_path):
    path = tmp_path / "key.pem"
    made = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert public_text(load_key(path, "pumpd library key").public_key()) == public_text(made.public_key())
    with pytest.raises(SigningError, match="File exists"):
        make_key(path)
    path.chmod(0o640)
    with pytest.raises(SigningError, match="others can read it"):
        load_key(path, "pumpd library key")
    (tmp_path / "none.pem").touch(0o600)
    for file in ("none.pem", "nowhere.pem"):
        with pytest.raises(SigningError, match=file):
            load_key(tmp_path / file, "pumpd library key")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_openssl_verifies_what_pumpd_signed(tmp_path, place):
    key = Ed25519PrivateKey.generate()
    sign_library(place, key, name="Testbed 7", care_area="day-clinic")
    pem = tmp_path / "public.pem"
    pem.write_text(f"-----BEGIN PUBLIC KEY-----\n{public_text(key.public_key())}\n-----END PUBLIC KEY-----\n")
    assert serialization.load_pem_public_key(pem.read_bytes())
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", pem, "-rawin"]
    command += ["-in", place / MANIFEST_FILE, "-sigfile", place / SIGNATURE_FILE]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    with (place / MANIFEST_FILE).open("a") as file:
        file.write("\n")
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0
