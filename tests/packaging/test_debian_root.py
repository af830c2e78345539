"""What can be told of a Debian root without building one. `make package-test` builds and uses them."""

import struct
from contextlib import contextmanager

import pytest

from tools import debian_root
from tools.debian_root import Root, Sources, archive_name, interpreter, sources

DEB822 = """
# a comment
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
ONE_LINE = """
# deb http://old.example/debian buster main
deb-src http://mirror.example/debian trixie main
deb [arch=amd64 signed-by=/a/key.gpg] http://mirror.example/debian trixie main contrib  # ours
deb http://mirror.example/debian-security trixie-security main
"""
OTHERS = "deb [arch=amd64] https://third.example/repo nodistro main\n", "deb http://u.example/ubuntu noble main\n"


@pytest.mark.parametrize("text", [DEB822, ONE_LINE], ids=["deb822", "one line"])
def test_the_mirror_of_this_machine_is_used_for_every_suite(text):
    found = sources([*OTHERS, text])
    assert found == Sources("http://mirror.example/debian", "http://mirror.example/debian-security")
    assert found.lines("bookworm") == (
        "deb http://mirror.example/debian bookworm main\n"
        "deb http://mirror.example/debian-security bookworm-security main\n"
    )


def test_another_distribution_gives_no_mirror():
    assert sources(OTHERS) == Sources()
    assert sources([DEB822.replace("Types: deb\n", "Types: deb\nEnabled: no\n")]) == Sources()


def test_a_mirror_can_be_named(monkeypatch):
    monkeypatch.setenv("DEBIAN_MIRROR", "http://chosen.example/debian")
    assert debian_root.host_sources().lines("trixie") == "deb http://chosen.example/debian trixie main\n"


def test_each_choice_of_packages_has_its_own_archive():
    assert archive_name("trixie", "amd64", ["a", "b"]) == archive_name("trixie", "amd64", ["b", "a", "a"])
    names = [
        archive_name(*each) for each in (("trixie", "amd64", []), ("trixie", "amd64", ["a"]), ("trixie", "arm64", []))
    ]
    assert len(set(names)) == 3


@pytest.mark.parametrize(("here", "other", "machine"), [("amd64", "arm64", 183), ("arm64", "amd64", 62)])
@pytest.mark.parametrize("kind", [2, 3], ids=["executable", "shared"])
def test_programs_of_the_other_architecture_run_by_qemu_and_no_others(monkeypatch, here, other, machine, kind):
    monkeypatch.setattr(debian_root, "host_architecture", lambda: here)
    monkeypatch.setattr(debian_root.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert interpreter(here) == ""
    _, name, how, offset, magic, mask, program, flags = interpreter(other).split(":")
    assert (name, how, offset, flags) == (f"pumpd-{other}", "M", "0", "F")
    assert program == f"/usr/bin/qemu-{debian_root.ARCHITECTURES[other]}-static"
    wanted, relevant = (each.encode().decode("unicode_escape").encode("latin-1") for each in (magic, mask))
    for number, matches in ((machine, True), (machine ^ 1, False)):
        header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", kind, number)  # elf(5)
        assert (bytes(a & b for a, b in zip(header, relevant, strict=True)) == wanted) == (
            matches and len(header) == len(wanted)
        )


def test_without_qemu_the_error_names_the_package(monkeypatch):
    monkeypatch.setattr(debian_root, "host_architecture", lambda: "amd64")
    monkeypatch.setattr(debian_root.shutil, "which", lambda _: None)
    with pytest.raises(debian_root.DebianRootError, match="apt-get install qemu-user-static"):
        interpreter("arm64")


def test_a_command_in_a_root_has_its_own_mounts_and_processes_and_on_request_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(debian_root, "host_architecture", lambda: "amd64")
    monkeypatch.setenv("SECRET_OF_THE_HOST", "x")
    with_network, without = (Root(tmp_path).command("true", network=each) for each in (True, False))
    for command in (with_network, without):
        assert command[:2] == ["env", "-i"]
        assert {"--mount", "--pid", "--kill-child", "--propagation=private"} <= set(command)
        assert not any("SECRET" in word for word in command)
        assert command[-1] == "true"
    assert "--net" in without
    assert "--net" not in with_network


def test_only_another_architecture_is_interpreted(monkeypatch):
    monkeypatch.setattr(debian_root, "host_architecture", lambda: "amd64")
    monkeypatch.setattr(debian_root.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert debian_root.interpreted("amd64", "dpkg", "--version") == ["dpkg", "--version"]
    foreign = debian_root.interpreted("arm64", "dpkg", "--version")
    assert interpreter("arm64") in foreign
    assert foreign[-2:] == ["dpkg", "--version"]


def test_programs_that_stand_in_are_in_both_roots_and_write_the_same_on_each(tmp_path, monkeypatch):
    monkeypatch.setattr(debian_root, "host_architecture", lambda: "amd64")
    monkeypatch.setattr(debian_root.shutil, "which", lambda name: f"/usr/bin/{name}")
    own, other = tmp_path / "own", tmp_path / "other"
    for root, names in ((own, ("perl", "python3.13", "sed", "dpkg", "uname")), (other, ("perl", "dpkg", "uname"))):
        (root / "usr/bin").mkdir(parents=True)
        for name in names:
            (root / "usr/bin" / name).touch()
    (other / "usr/bin/python3.13").touch()

    @contextmanager
    def fresh(suite, architecture, include):
        assert (suite, architecture) == ("trixie", "amd64")
        yield Root(own)

    monkeypatch.setattr(debian_root, "fresh", fresh)
    with debian_root.quick(Root(other, "arm64"), "trixie") as root:
        seen = {there: here for here, there in root.shared}
        assert seen.pop("usr/bin/perl") == own / "usr/bin/perl"
        assert sorted(seen) == ["lib64", "usr/bin/python3.13", "usr/lib/x86_64-linux-gnu"]
        for folder in ("lib64", "usr/lib/x86_64-linux-gnu"):  # where they are mounted
            (other / folder).mkdir(parents=True)
    assert not (other / "lib64").exists()
    with debian_root.quick(Root(own), "trixie") as root:
        assert root == Root(own)


def test_an_unknown_suite_is_refused_with_the_known_ones():
    with pytest.raises(debian_root.DebianRootError, match="bookworm, trixie"):
        debian_root.archive("sarge", "amd64")
