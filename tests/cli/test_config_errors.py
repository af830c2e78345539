"""A wrong configuration: every error at once, with file, line, key and the key that was meant; no library's message."""

import json
import os

import pytest
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.control.process import run as start_control
from pumpd.settings import hardware_port
from pumpd.settings_file import Read, lines_of

GOOD = """\
gateway = "ward-7"
state_dir = "{state}"

[[pump]]
name = "bed1"
driver = "new-era"
port = "tcp://127.0.0.1:4001"
serial = "1"
model = "NE-1000"
simulated = true
"""
REAL = '[hardware]\nenabled = true\nacknowledged = "not a cleared medical device"\n'
LIBRARIES = ("pydantic", "Input should", "Field required", "Extra inputs", "Value error", "validation error", "(at ")


@pytest.fixture
def check(tmp_path):
    def run(text: str, *, command: str = "config", **drop_ins: str) -> list[str]:
        """The errors, each without the folder; none when it is good."""
        file = tmp_path / "pumpd.toml"
        file.write_text(text.format(state=tmp_path), encoding="utf-8")
        (tmp_path / "pumpd.d").mkdir(exist_ok=True)
        for name, content in drop_ins.items():
            (tmp_path / "pumpd.d" / f"{name}.toml").write_text(content, encoding="utf-8")
        options = ["check", "--json"] if command == "config" else []
        result = CliRunner().invoke(app, [command, *options, "--config", str(file)])
        assert not any(each in result.output for each in LIBRARIES), result.output
        if result.exit_code == 0:
            return []
        assert result.exit_code == 2, result.output
        found = json.loads(result.stdout)["refused"] if options else result.stderr.splitlines()[1:]
        return [each.replace(f"{tmp_path}/", "") for each in found]

    return run


def test_a_good_configuration_has_no_error(check):
    assert check(GOOD) == []


def test_every_error_is_told_at_once_with_its_line_and_the_key_that_was_meant(check):
    text = GOOD.replace("state_dir", "statedir").replace("serial =", "serail =") + (
        "[mqtt]\nport = 99999\nhots = 'broker'\n[simulation]\ntime_scale = 0\n[bedside]\nkeepalive_s = 5\n"
        "bench = {{ bed1 = 'http://192.0.2.1:80' }}\n"
    )
    assert sorted(check(text)) == sorted([
        "pumpd.toml: state_dir: is required and missing",
        "pumpd.toml:2: statedir: is not a known key here; do you mean state_dir?",
        "pumpd.toml:4: pump.0.serial: is required and missing",
        "pumpd.toml:8: pump.0.serail: is not a known key here; do you mean serial?",
        "pumpd.toml:11: mqtt.host: is required and missing",
        "pumpd.toml:12: mqtt.port: must be 65535 or less",
        "pumpd.toml:13: mqtt.hots: is not a known key here; do you mean host?",
        "pumpd.toml:15: simulation.time_scale: must be 1 or more",
        "pumpd.toml:17: bedside.keepalive_s: is not a known key here; do you mean mqtt.keepalive_s?",
    ])  # fmt: skip


def test_what_does_not_fit_together_is_told_beside_a_key_that_is_wrong_by_itself(check):
    mqtt = '[mqtt]\nhost = "b"\npassword_file = "p"\ntls = false\n'
    found = check("library_keys = {{}}\nnonsense = 1\n" + GOOD + mqtt)
    assert [each.split(": ")[:2] for each in found] == [["pumpd.toml:2", "nonsense"], ["pumpd.toml:16", "mqtt.tls"]]


SECOND = (
    '[[pump]]\nname = "bed1"\nport = "x"\nserial = "2"\nmodel = "x"\ndriver = "new-era"\nsimulated = true\n\n[[pump]]'
)
BESIDE = {
    "a key that is missing": ("serial =", "serail ="),
    "a key that is missing above the pumps": ("state_dir =", "statedir ="),
    "what does not fit together": ('port = "tcp://127.0.0.1:4001"', 'port = "/dev/ttyUSB0"'),
    "two pumps with one name": ("[[pump]]", SECOND),
}


@pytest.mark.parametrize("command", ["config", "run"])
@pytest.mark.parametrize("other", BESIDE)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('driver = "new-ear"', "pump bed1: driver 'new-ear' is not installed"),
        ('driver = "new-era"\nsettings = {{ adress = 1 }}', "pump bed1: settings.adress: unknown setting"),
    ],
)
def test_a_wrong_driver_is_told_beside_every_other_error(check, command, other, given, said):
    text = GOOD.replace('driver = "new-era"', given).replace(*BESIDE[other])
    found = check(text, command=command)
    assert len([each for each in found if said in each]) == 1, found
    assert len(found) >= 2, found


@pytest.mark.parametrize("command", ["config", "run"])
def test_what_is_not_in_the_files_is_checked_beside_an_error_in_them(check, tmp_path, command):
    """An open secret, a paired program, and (for the check) the library."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="utf-8")
    secret.chmod(0o644)
    entry = {"id": "k", "name": "robot", "roles": ["confirm"], "public_pem": "x", "kind": "software"}
    (tmp_path / "paired-keys.json").write_text(json.dumps([entry]), encoding="utf-8")
    section = OPEN["mqtt.password_file"].replace("{file}", str(secret))
    found = check(f"nonsense = 1\nlibrary_dir = '{tmp_path}/none'\n" + REAL_PUMP + section, command=command)
    for said in ("nonsense", "every user of this machine can read", "software nurse robot"):
        assert any(said in each for each in found), (said, found)
    assert any("none: is not a directory" in each for each in found) == (command == "config")


def test_an_unsigned_configuration_is_told_beside_an_error_in_it(check, tmp_path):
    (tmp_path / "trust").mkdir()
    (tmp_path / "trust" / "config.pub").write_text("MCowBQYDK2VwAyEA" + "A" * 43 + "=\n", encoding="utf-8")
    found = check("nonsense = 1\n" + GOOD)
    assert any("nonsense" in each for each in found)
    assert any("it is not signed" in each for each in found), found


def test_an_error_of_a_drop_in_names_the_drop_in(check):
    found = check(GOOD, first="[simulation]\ntime_scale = 2\n", second="\n[simulation]\ntime_scale = 'x'\n")
    assert found == ["pumpd.d/second.toml:3: simulation.time_scale: must be a whole number"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gateway = ward\n", "pumpd.toml:1: not valid TOML at column 11: a line is"),
        ("gateway = 'a'\ngateway = 'b'\n", "pumpd.toml:2: not valid TOML at column 14: a key or table is there twice"),
        ("gateway = '''a\n", "pumpd.toml:2: not valid TOML: a line is"),
    ],
)
def test_a_file_that_is_not_toml_is_explained_in_plain_words(check, text, said):
    (found,) = check(text)
    assert found.startswith(said)


def test_the_mark_with_which_some_editors_begin_a_file_is_no_error(check):
    assert check("\ufeff" + GOOD) == []


@pytest.mark.parametrize("place", ["pumpd.toml", "pumpd.d/site.toml", "library/site.toml", "trust/config.pub"])
def test_a_pipe_in_place_of_a_file_holds_nobody_up(tmp_path, place):
    text = GOOD.format(state=tmp_path / "state") + "[simulation]\nunsigned_library = true\n"
    (tmp_path / "pumpd.toml").write_text(f'library_dir = "{tmp_path}/library"\n{text}', encoding="utf-8")
    pipe = tmp_path / place
    pipe.parent.mkdir(exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    commands = [["config", "check"], ["library", "show"]]
    said = [CliRunner().invoke(app, [*words, "--config", str(tmp_path / "pumpd.toml")]).output for words in commands]
    assert any(str(pipe) in each and "it is a pipe" in each for each in said), said


# -- what may not be together (item 11 of the cases) -------------------------------------------------------------------


@pytest.mark.requirement("SEC-23")
@pytest.mark.parametrize("command", ["config", "run"])
@pytest.mark.parametrize("port", ["/dev/serial/by-id/usb-x", "/dev/ttyUSB0", "/dev/ttyAMA0", "tcp://192.0.2.7:4001"])
def test_a_simulated_pump_on_a_port_for_real_ones_is_refused(check, port, command):
    text = GOOD.replace("tcp://127.0.0.1:4001", port) + "[simulation]\ntime_scale = 60\n"
    found = "\n".join(check(text, command=command))
    assert "pumpd.toml:10: pump.0.simulated: " in found
    assert "pumpd.toml:12: simulation.time_scale: " in found
    assert port in found


def test_a_link_to_a_serial_port_is_followed(tmp_path):
    (tmp_path / "bed1").symlink_to("/dev/ttyS0")
    (tmp_path / "bed2").symlink_to("/dev/pts/3")
    assert "/dev/ttyS0" in hardware_port(str(tmp_path / "bed1"))
    for port in (str(tmp_path / "bed2"), "/dev/pts/3", "tcp://localhost:1", "socket://127.0.0.1:1", "memory://x"):
        assert hardware_port(port) == ""
    assert hardware_port("tcp://127.0.0.1.evil.example:1")


@pytest.mark.requirement("SEC-23")
@pytest.mark.parametrize("command", ["config", "run"])
def test_a_password_without_tls_is_refused(check, command):
    found = check(GOOD + "[mqtt]\nhost = 'b'\ntls = false\npassword_file = '/p'\n", command=command)
    assert "pumpd.toml:13: mqtt.tls: a password needs TLS" in found[0]
    assert not check(GOOD + "[mqtt]\nhost = 'b'\npassword_file = '/p'\n")


@pytest.mark.requirement("SEC-23")
@pytest.mark.parametrize("command", ["config", "run"])
def test_a_software_nurse_with_a_real_pump_is_refused(check, tmp_path, command):
    entry = {"id": "k", "name": "robot", "roles": ["confirm"], "public_pem": "x", "kind": "software"}
    (tmp_path / "paired-keys.json").write_text(json.dumps([entry]), encoding="utf-8")
    text = GOOD.replace("tcp://127.0.0.1:4001", "/dev/serial/by-id/x").replace("simulated = true\n", "") + REAL
    (found,) = check(text, command=command)
    assert "paired-keys.json: software nurse robot: a program may not confirm" in found
    assert check(GOOD) == []
    (tmp_path / "paired-keys.json").write_text(json.dumps([entry | {"kind": "tablet"}]), encoding="utf-8")
    assert check(text) == []


REAL_PUMP = GOOD.replace("tcp://127.0.0.1:4001", "/dev/serial/by-id/x").replace("simulated = true\n", "") + REAL
SIMULATION = "[simulation]\n"


@pytest.mark.requirement("SEC-23")
@pytest.mark.parametrize("command", ["config", "run"])
@pytest.mark.parametrize(
    ("more", "key"),
    [
        (f"{SIMULATION}time_scale = 2\n", "simulation.time_scale"),
        (f"{SIMULATION}unsigned_library = true\n", "simulation.unsigned_library"),
        ("[bedside]\n[bedside.bench]\nbed1 = 'http://127.0.0.1:8440'\n", "bedside.bench"),
    ],
)
def test_what_is_for_simulated_pumps_is_refused_with_a_real_one(check, command, more, key):
    assert any(f"{key}: " in each for each in check(REAL_PUMP + more, command=command))
    assert not any(f"{key}: " in each for each in check(GOOD + more))


OPEN = {
    "mqtt.password_file": "[mqtt]\nhost = 'b'\npassword_file = '{file}'\n",
    "mqtt.client_key": "[mqtt]\nhost = 'b'\nclient_cert = '/c'\nclient_key = '{file}'\n",
    "bedside.tls_key": "[bedside]\ntls_cert = '/c'\ntls_key = '{file}'\n",
    "vitals.broker.password_file": (
        "[vitals]\nspo2_percent = {{ critical_low = 85 }}\nheart_rate_bpm = {{ critical_low = 40 }}\n"
        "systolic_mmhg = {{ critical_low = 80 }}\ndiastolic_mmhg = {{ critical_low = 40 }}\n"
        "[vitals.broker]\nhost = 'b'\npassword_file = '{file}'\n[vitals.topics]\nbed1 = 'm/1'\n"
    ),
}


@pytest.mark.requirement("SEC-23")
@pytest.mark.parametrize("command", ["config", "run"])
@pytest.mark.parametrize("key", OPEN)
def test_a_secret_that_every_user_can_read_is_refused_with_a_real_pump(check, tmp_path, key, command):
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="utf-8")
    section = OPEN[key].replace("{file}", str(secret))
    secret.chmod(0o644)
    found = check(REAL_PUMP + section, command=command)
    assert any(f"{key}: every user of this machine can read " in each for each in found), found
    assert not any("s3cret" in each for each in found)
    assert check(GOOD + section) == [], "simulated pumps only"
    secret.chmod(0o640)
    assert not any("every user" in each for each in check(REAL_PUMP + section))


@pytest.mark.requirement("SEC-23")
async def test_control_does_not_start_with_an_open_secret_and_a_real_pump(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="utf-8")
    secret.chmod(0o644)
    file = tmp_path / "pumpd.toml"
    section = OPEN["mqtt.password_file"].replace("{file}", str(secret))
    file.write_text((REAL_PUMP + section).format(state=tmp_path / "state"), encoding="utf-8")
    with pytest.raises(ValueError, match="every user of this machine"):
        await start_control(Read(file))
    assert not (tmp_path / "state").exists()


# -- lines -------------------------------------------------------------------------------------------------------------


def test_the_line_of_every_kind_of_key_is_found():
    text = """\
a = 1
b.c = 2
[t]
d = '''
e = 3
'''
"f g" = 4
[t.u]
h = { i = 5 }
[[p]]
j = 6
[p.s]
k = 7
[[p]]
j = 8
"""
    lines = lines_of(text)
    assert {".".join(map(str, key)): line for key, line in lines.items()} == {
        "a": 1, "b": 2, "b.c": 2, "t": 3, "t.d": 4, "t.f g": 7, "t.u": 8, "t.u.h": 9,
        "p.0": 10, "p": 10, "p.0.j": 11, "p.0.s": 12, "p.0.s.k": 13, "p.1": 14, "p.1.j": 15,
    }  # fmt: skip


def test_a_key_that_is_nowhere_has_the_line_of_what_holds_it(tmp_path):
    file = tmp_path / "pumpd.toml"
    file.write_text("\n[t]\nh = { i = 5 }\n", encoding="utf-8")
    read = Read(file)
    assert read.where(("t", "h", "i")) == f"{file}:3"
    assert read.where(("t", "missing")) == f"{file}:2"
    assert read.where(("missing",)) == str(file)
