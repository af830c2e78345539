"""The certificates: for whom the authority may sign, how they are renewed, and what is in the way of writing them."""

import contextlib
import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from pumpd.bedside.certificates import CertificateError, make, not_permitted, permitted, read
from pumpd.host.file_check import deviations
from pumpd.settings import Settings

NAMES = ["ward-7.local", "192.0.2.7", "2001:db8::7"]
SPRING = datetime(2026, 4, 1, tzinfo=UTC)


def verified(folder: Path, name: x509.DNSName | x509.IPAddress, at: datetime) -> None:
    """As a client does it that is not pumpd's. Raises VerificationError."""
    ca, cert = read(folder / "ca.pem"), read(folder / "gateway.pem")
    PolicyBuilder().store(Store([ca])).time(at).build_server_verifier(name).verify(cert, [])


@pytest.mark.requirement("SEC-02", "SEC-04")
def test_the_authority_may_sign_for_this_gateway_only(tmp_path):
    made = make(tmp_path / "tls", "ward-7", NAMES)
    ca = read(made.ca)
    assert permitted(ca) == tuple(NAMES)
    assert not_permitted(ca, ["ward-7.local", "other.example.org", "192.0.2.8"]) == ["other.example.org", "192.0.2.8"]
    constraints = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


@pytest.mark.parametrize(("names", "kind"), [(["ward-7.local"], "IP"), (["192.0.2.7"], "DNS")])
def test_a_kind_of_name_that_a_gateway_does_not_have_is_excluded(tmp_path, names, kind):
    ca = read(make(tmp_path / "tls", "ward-7", names).ca)
    excluded = ca.extensions.get_extension_for_class(x509.NameConstraints).value.excluded_subtrees
    assert [type(each).__name__[: len(kind)] for each in excluded] == [kind] * len(excluded)
    assert excluded


def test_openssl_refuses_what_the_authority_signs_for_another_name(tmp_path, monkeypatch):
    """Even if somebody has the authority's key: what tablets check does not depend on pumpd's own refusal."""
    make(tmp_path / "tls", "ward-7", ["localhost"])
    monkeypatch.setattr("pumpd.bedside.certificates.not_permitted", lambda _ca, _names: [])
    make(tmp_path / "tls", "ward-7", ["bank.example.org"])
    assert handshake(tmp_path / "tls", "bank.example.org") == "permitted subtree violation"
    make(tmp_path / "tls", "ward-7", ["192.0.2.1"])
    assert handshake(tmp_path / "tls", "192.0.2.1") == "excluded subtree violation"
    make(tmp_path / "tls", "ward-7", ["localhost"])
    assert handshake(tmp_path / "tls", "localhost") == ""


def handshake(folder: Path, name: str) -> str:
    """A TLS handshake in memory. Returns why the client refuses, or nothing."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "gateway.pem", folder / "gateway.key")
    client = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    try:
        handshake_of(client, server, name)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    return ""


def handshake_of(client: ssl.SSLContext, server: ssl.SSLContext, name: str | None) -> ssl.SSLObject:
    """Returns the client's end of the connection. Raises SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for end in (ours, theirs, ours, theirs):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return ours


def test_a_new_name_needs_a_new_authority_and_says_so(tmp_path):
    made = make(tmp_path / "tls", "ward-7", NAMES)
    before = {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()}
    with pytest.raises(CertificateError, match=r"may not sign for new\.local; .*--new-authority.*each tablet"):
        make(tmp_path / "tls", "ward-7", [*NAMES, "new.local"])
    assert {path.name: path.read_bytes() for path in (tmp_path / "tls").iterdir()} == before
    renewed = make(tmp_path / "tls", "ward-7", [*NAMES, "new.local"], new_ca=True)
    assert renewed.ca_fingerprint != made.ca_fingerprint
    assert "new.local" in permitted(read(renewed.ca))


def test_an_address_that_the_machine_happens_to_have_is_left_out_of_a_renewal(tmp_path):
    """An address by DHCP changes. A renewal that nobody watches must not fail for it."""
    make(tmp_path / "tls", "ward-7", ["ward-7.local"], found=["192.0.2.7"])
    made = make(tmp_path / "tls", "ward-7", ["ward-7.local"], found=["192.0.2.99", "localhost"])
    assert (made.names, made.left_out) == (("ward-7.local",), ("192.0.2.99", "localhost"))


def test_a_certificate_never_outlives_its_authority(tmp_path):
    made = make(tmp_path / "tls", "ward-7", NAMES, now=SPRING)
    assert made.until == SPRING + timedelta(days=397)
    late = read(made.ca).not_valid_after_utc - timedelta(days=10)
    assert make(tmp_path / "tls", "ward-7", NAMES, now=late).until == read(made.ca).not_valid_after_utc
    with pytest.raises(CertificateError, match=r"authority in .* has ended; `--new-authority`"):
        make(tmp_path / "tls", "ward-7", NAMES, now=late + timedelta(days=11))


@pytest.mark.parametrize("name", [x509.DNSName("ward-7.local"), x509.IPAddress(ipaddress.ip_address("192.0.2.7"))])
def test_a_client_that_is_not_pumpds_accepts_it_until_it_ends(tmp_path, name):
    made = make(tmp_path / "tls", "ward-7", NAMES, now=SPRING)
    verified(tmp_path / "tls", name, made.until - timedelta(seconds=1))
    with pytest.raises(VerificationError):
        verified(tmp_path / "tls", name, made.until + timedelta(seconds=1))


@pytest.mark.parametrize(("missing", "reason"), [("ca.key", "put it back to renew"), ("gateway.key", "")])
def test_a_key_that_was_taken_away_is_never_replaced_unasked(tmp_path, missing, reason):
    """The authority's key may be kept elsewhere. Its certificate is what tablets trust."""
    made = make(tmp_path / "tls", "ward-7", NAMES)
    (tmp_path / "tls" / missing).unlink()
    if reason:
        with pytest.raises(CertificateError, match=reason):
            make(tmp_path / "tls", "ward-7", NAMES)
    else:
        make(tmp_path / "tls", "ward-7", NAMES)
    assert read(made.ca).fingerprint


def test_an_authority_whose_writing_was_interrupted_is_not_used(tmp_path):
    make(tmp_path / "tls", "ward-7", NAMES)
    other = make(tmp_path / "other", "ward-7", NAMES)
    (tmp_path / "tls" / "ca.pem").write_bytes(other.ca.read_bytes())
    with pytest.raises(CertificateError, match=r"ca\.key is not the key of ca\.pem"):
        make(tmp_path / "tls", "ward-7", NAMES)


@pytest.mark.requirement("SEC-18")
@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "gateway.pem", "gateway.key"])
def test_no_link_is_written_through(tmp_path, name):
    """As root, `pumpd tls` would otherwise overwrite any file of the machine for the owner of the state directory."""
    make(tmp_path / "tls", "ward-7", NAMES)
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "tls" / name).unlink()
    (tmp_path / "tls" / name).symlink_to(victim)
    with pytest.raises(CertificateError, match="is a symbolic link"):
        make(tmp_path / "tls", "ward-7", NAMES, new_ca=True)
    assert victim.read_text() == "untouched"
    assert victim.lstat().st_mode & 0o077 == 0o044


@pytest.mark.requirement("SEC-18")
def test_no_directory_is_written_through_a_link(tmp_path):
    (tmp_path / "victim").mkdir(mode=0o700)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "tls").symlink_to(tmp_path / "victim")
    with pytest.raises(CertificateError, match="is a symbolic link"):
        make(tmp_path / "state" / "tls", "ward-7", NAMES)
    assert list((tmp_path / "victim").iterdir()) == []
    assert (tmp_path / "victim").stat().st_mode & 0o777 == 0o700


@pytest.mark.requirement("SEC-18")
def test_they_belong_to_the_owner_of_the_state_directory(tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o750)
    if os.geteuid() == 0:
        os.chown(state, 54_321, 54_321)
    make(state / "tls", "ward-7", NAMES)
    everything = [state / "tls", *(state / "tls").iterdir()]
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in everything} == {
        (state.stat().st_uid, state.stat().st_gid)
    }
    config = tmp_path / "pumpd.toml"
    config.write_text(f'gateway = "ward-7"\nstate_dir = "{state}"\n')
    config.chmod(0o644)
    assert deviations(Settings.load(config), config) == []
