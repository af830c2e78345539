"""`pumpd config key|sign|check`: what signs a configuration, and that openssl and sha256sum verify the same."""

import json
import shutil
import subprocess

import pytest
from typer.testing import CliRunner

from pumpd.cli.main import app
from pumpd.settings_file import STATEMENT

pytestmark = pytest.mark.requirement("SEC-17")


def run(*words, status=0):
    result = CliRunner().invoke(app, ["config", *map(str, words)])
    assert result.exit_code == status, (words, result.output, result.stderr)
    return result.stdout if status == 0 else result.stderr


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "etc"
    (folder / "pumpd.d").mkdir(parents=True)
    (folder / "pumpd.toml").write_text(f'gateway = "ward-7"\nstate_dir = "{tmp_path}"\n')
    (folder / "pumpd.d" / "10-site.toml").write_text("clock_trusted = true\n")
    return folder / "pumpd.toml"


@pytest.fixture
def key(tmp_path):
    return tmp_path / "site.pem"


@pytest.fixture
def trusted(config, key):
    """The site's key is made and trusted here."""
    public = json.loads(run("key", key, "--json"))["public"]
    (config.parent / "trust").mkdir()
    (config.parent / "trust" / "config.pub").write_text(f"{public}\n")


def test_without_a_trusted_key_the_check_passes_and_says_that_it_is_not_signed(config):
    assert "not signed" in run("check", "--config", config)


@pytest.mark.usefixtures("trusted")
def test_with_a_trusted_key_only_a_signed_configuration_passes_and_each_change_asks_for_a_new_signature(config, key):
    assert "it is not signed" in run("check", "--config", config, status=2)
    assert "10-site.toml" in run("sign", "--key", key, "--config", config)
    assert "signed with the key" in run("check", "--config", config)
    (config.parent / "pumpd.d" / "10-site.toml").write_text("clock_trusted = false\n")
    assert "does not match" in run("check", "--config", config, status=2)
    run("sign", "--key", key, "--config", config)
    run("check", "--config", config)


@pytest.mark.usefixtures("trusted")
def test_openssl_and_sha256sum_verify_what_was_signed(tmp_path, config, key):
    run("sign", "--key", key, "--config", config)
    names = ["pumpd.toml", "pumpd.d/10-site.toml"]
    listed = subprocess.run(["sha256sum", *names], cwd=config.parent, capture_output=True, text=True, check=True)
    statement, public = tmp_path / "statement", tmp_path / "site.pub.pem"
    statement.write_text(f"{STATEMENT}\n{listed.stdout}")
    text = (config.parent / "trust" / "config.pub").read_text()
    public.write_text(f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n")
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", statement]
    done = subprocess.run([*command, "-sigfile", f"{config}.sig"], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    shutil.copy(public, config.parent / "trust" / "config.pub")
    run("check", "--config", config)  # a whole PEM file is trusted as well


def test_a_wrong_configuration_or_a_key_that_others_can_read_signs_nothing(config, key):
    run("key", key)
    key.chmod(0o644)
    assert "others can read it" in run("sign", "--key", key, "--config", config, status=2)
    key.chmod(0o600)
    config.write_text("gateway = 7\n")
    assert "gateway" in run("sign", "--key", key, "--config", config, status=2)
    assert not config.with_name("pumpd.toml.sig").exists()


def test_a_signature_by_a_key_that_is_not_trusted_here_says_so(config, key):
    run("key", key)
    assert "does not hold this key" in run("sign", "--key", key, "--config", config)
