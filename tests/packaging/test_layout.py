"""What the package installs, as far as it can be told without building one."""

import re
import subprocess
from pathlib import Path

import pytest

from tools.package import deb, layout, locked, man_pages, tree
from tools.package.layout import GATEWAY, PRODUCTS, ROOT, WARD

EXPORTED = """\
# comment
h11==0.16.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cc
"""


@pytest.fixture(scope="module")
def groups() -> dict[str, dict[str, str]]:
    return locked.groups(GATEWAY)


def test_each_requirement_is_taken_with_its_marker_and_all_its_hashes():
    found = locked.requirements(EXPORTED)
    assert list(found) == ["h11", "colorama"]
    assert found["h11"].count("--hash=sha256:") == 2
    assert "win32" in found["colorama"]
    assert "".join(found.values()) == EXPORTED.partition("\n")[2]


@pytest.mark.realtime
@pytest.mark.requirement("SEC-11")
def test_every_requirement_has_a_hash_and_control_gets_only_what_it_needs(groups):
    for listed in groups.values():
        for text in listed.values():
            assert re.match(r"[a-z0-9.-]+==", text)
            assert "--hash=sha256:" in text
    core = groups["core"]
    assert {"argon2-cffi", "cryptography", "pydantic", "pyserial", "structlog"} <= core.keys()
    for other in ("typer", "rich", "starlette", "uvicorn", "aiomqtt", "paho-mqtt", "gpiod", "click", "anyio"):
        assert other not in core
    assert not any(core.keys() & groups[name].keys() for name in groups.keys() - {"core"})


@pytest.mark.parametrize(
    ("product", "name"),
    [(product, name) for product in PRODUCTS.values() for name in product.programs],
    ids=lambda each: getattr(each, "name", each),
)
@pytest.mark.parametrize("debian", layout.DEBIANS.values(), ids=layout.DEBIANS)
def test_a_program_gets_its_groups_and_nothing_else_of_the_machine(product, name, debian):
    script = product.wrapper(name, debian.python)
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    last = script.splitlines()[-1]
    assert last.startswith(f"exec /usr/bin/python{debian.python} -S -s -m ")
    assert "PYTHONSAFEPATH=1" in script
    path = re.search(r"PYTHONPATH=(\S+)", script)[1].split(":")
    assert path[0] == f"/opt/{product.name}/lib/core"
    assert ("/usr/local/lib/pumpd" in path) == (product is GATEWAY)
    groups = {f"/opt/{product.name}/lib/{group}" for group in product.programs[name].groups}
    assert set(path) - {"/usr/local/lib/pumpd"} == groups


def test_no_program_of_the_table_is_missing_from_pumpd():
    for program in [*GATEWAY.programs.values(), *WARD.programs.values()]:
        place = program.module.replace(".", "/")
        folders = [ROOT, ROOT / "simulators", ROOT / "ward"]
        candidates = [each / file for each in folders for file in (f"{place}.py", f"{place}/__main__.py")]
        assert any(each.is_file() for each in candidates), program.module


TEXTS = [(product, name) for product in PRODUCTS.values() for name in ("control.in", *deb.scripts(product))]


@pytest.mark.parametrize(("product", "name"), TEXTS, ids=lambda each: getattr(each, "name", each))
def test_the_texts_of_the_package_are_filled_in_and_scripts_are_valid(product, name):
    for debian in layout.DEBIANS.values():
        text = deb.filled(product, name, debian, "arm64", 1)
        assert "@" not in text.replace("pumpd@localhost", "").replace('"$@"', "")
        if name in deb.SCRIPTS:
            assert text.startswith("#!/bin/sh\n")
            assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_the_package_depends_on_the_python_that_its_libraries_are_for(product):
    for debian in layout.DEBIANS.values():
        text = deb.filled(product, "control.in", debian, "amd64")
        assert re.search(rf"^Depends: python{re.escape(debian.python)},", text, re.MULTILINE)
        assert f"\nVersion: {deb.version(product, debian)}\n" in text
        assert "Not a cleared medical device" in text


@pytest.mark.requirement("SEC-10")
@pytest.mark.parametrize(
    ("action", "environment", "refused"),
    [
        (("upgrade", "99.0"), {}, True),
        (("install", "99.0"), {}, True),  # removed earlier, and its journal is still there
        (("upgrade", "99.0"), {"PUMPD_ROLLBACK": "1"}, False),
        (("upgrade", "0.0.1"), {}, False),
        (("install",), {}, False),
    ],
    ids=["older", "older after a removal", "rollback", "newer", "first"],
)
def test_preinst_refuses_an_older_version_unless_the_updater_rolls_back(tmp_path, action, environment, refused):
    script = tmp_path / "preinst"
    script.write_text(
        deb.filled(GATEWAY, "preinst", layout.DEBIANS["deb13"], "amd64").replace("/opt/pumpd", str(tmp_path))
    )
    done = subprocess.run(
        ["sh", script, *action], env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, "Nothing was changed" in done.stderr) == ((1, True) if refused else (0, False))


def test_what_postinst_compiles_is_on_the_disk_before_anything_starts(tmp_path):
    """Half a compiled file, after a power cut, would stop control from starting; Python does not compile it again."""
    calls, commands = tmp_path / "calls", tmp_path / "bin"
    commands.mkdir()
    for name in ("systemd-sysusers", "systemd-tmpfiles", "sync", "deb-systemd-helper", "deb-systemd-invoke", "python"):
        (commands / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {calls}\n')
        (commands / name).chmod(0o755)
    for name in ("systemctl", "udevadm"):
        (commands / name).symlink_to("/bin/true")
    text = deb.filled(GATEWAY, "postinst", layout.DEBIANS["deb13"], "amd64")
    text = re.sub(r"/usr/bin/python[\d.]+", f"{commands}/python", text).replace("/run/systemd/system", str(tmp_path))
    script = tmp_path / "postinst"
    script.write_text(text.replace("/etc/pumpd/pumpd.toml", str(script)))
    subprocess.run(["sh", script, "configure", "0.0.1"], env={"PATH": f"{commands}:/usr/bin:/bin"}, check=True)
    done = [line.split()[0] for line in calls.read_text().splitlines()]
    assert done.index("python") < done.index("sync") < done.index("deb-systemd-invoke")


def test_what_the_package_takes_from_the_repository_is_there():
    for product in PRODUCTS.values():
        for source in product.files:
            assert (ROOT / source).is_file(), source
        for source in product.documents:
            assert (ROOT / source).exists(), source


def test_control_keeps_the_numbers_of_users_where_it_has_a_namespace_of_its_own():
    """With `yes` every peer of its sockets would be the same nobody (SEC-21)."""
    (dropin,) = (ROOT / "systemd/deb13").rglob("*.conf")
    assert dropin.parent.name == "pumpd-control.service.d"
    assert "\nPrivateUsers=identity\n" in dropin.read_text(encoding="utf-8")
    assert "PrivateUsers" not in (ROOT / "systemd/pumpd-control.service").read_text(encoding="utf-8")


def test_modem_manager_leaves_serial_adapters_alone_and_names_do_not_change():
    rules = (ROOT / "systemd/udev.rules.d/60-pumpd.rules").read_text(encoding="utf-8")
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in rules
    assert 'GROUP="dialout"' in rules
    for name in ('SYMLINK+="pumpd/usb/$env{ID_PATH}"', 'SYMLINK+="pumpd/serial/$env{ID_SERIAL_SHORT}'):
        assert name in rules


@pytest.mark.parametrize("text", ["a-b", r"C:\dir", ".TH is no command here", "'quoted' line"])
def test_a_manual_page_shows_text_and_never_runs_it(text):
    shown = man_pages.escaped(text)
    assert not shown.startswith((".", "'"))
    # groff(7): \- is a minus, \e a backslash, \& nothing.
    assert shown.replace(r"\&", "").replace(r"\-", "-").replace(r"\e", "\\") == text


def test_every_command_has_a_manual_page_with_its_options():
    pages = man_pages.pages("1.2.3")
    assert {"pumpd", "pumpsim", "pumpd-stop", "pumpd-self-test"} <= pages.keys()
    assert r"\-\-reason" in pages["pumpd-stop"]
    assert "pumpd tablet list" in pages["pumpd-tablet"]
    for name, page in pages.items():
        assert page.startswith(f'.TH {name.upper()} 1 "" "pumpd 1.2.3"')
        assert "Not a cleared medical device" in page


def test_the_ward_has_a_page_with_every_command_and_its_options():
    page = man_pages.of(WARD, "1.2.3")["pumpd-ward"]
    assert page.startswith('.TH PUMPD-WARD 1 "" "pumpd-ward 1.2.3"')
    for word in (r"\-\-workers", r"\-\-role", "export", "migrate", "not a cleared medical device"):
        assert word in page


@pytest.mark.realtime
def test_the_ward_has_no_library_of_a_gateway_and_parquet_only_its_own():
    found = locked.groups(WARD)
    assert {"asyncpg", "authlib", "nats-py", "starlette"} <= found["core"].keys()
    assert not found["core"].keys() & {"pyserial", "aiomqtt", "typer"}
    assert found["parquet"].keys() == {"pyarrow"}


@pytest.mark.parametrize("shell", man_pages.COMPLETION)
def test_completion_asks_pumpd_itself(shell):
    assert "_PUMPD_COMPLETE" in man_pages.completion(shell)


def test_modes_and_times_do_not_depend_on_the_builder(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir(mode=0o700)
    for name, mode in (("program", 0o700), ("text", 0o600)):
        (folder / name).write_text("")
        (folder / name).chmod(mode)
    (folder / "link").symlink_to("text")
    tree.settle(tmp_path, 1000)
    modes = {name: (folder / name).stat().st_mode & 0o777 for name in (".", "program", "text")}
    assert modes == {".": 0o755, "program": 0o755, "text": 0o644}
    assert {path.lstat().st_mtime for path in (folder, *folder.iterdir())} == {1000}


def test_the_deb_is_named_for_its_debian():
    assert deb.version(GATEWAY, layout.DEBIANS["deb12"]) < deb.version(GATEWAY, layout.DEBIANS["deb13"])
    assert Path(f"pumpd_{deb.version(GATEWAY, layout.DEBIANS['deb13'])}_arm64.deb").name.endswith("+deb13_arm64.deb")
