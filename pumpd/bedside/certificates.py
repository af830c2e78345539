"""The gateway's own certificate authority and its server certificate, for a site without its own authority (SEC-04).

Promises:
- Keys are made on this gateway and never leave it. Both are readable by their owner only, and serving does not need the
  authority's (SEC-02, SEC-18).
- A certificate holds only this gateway's names and addresses. The authority can sign for no other name and for no other
  authority, so a tablet that trusts it trusts this gateway only (docs/decisions/0033).
"""

import ipaddress
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pumpd.host.file_writing import make_folder, make_trusted, read_below, write
from pumpd.host.files import Owners, row

CA_DAYS, SERVER_DAYS = 3650, 397  # browsers accept no server certificate that lasts longer
_BEFORE = timedelta(days=1)  # for a tablet whose clock is slow


class CertificateError(ValueError):
    """No certificate was made; the message says why."""


@dataclass(frozen=True, slots=True)
class Made:
    ca: Path
    cert: Path
    key: Path
    fingerprint: str  # SHA-256 of the server's certificate, as browsers show it
    ca_fingerprint: str
    names: tuple[str, ...]
    until: datetime
    new_ca: bool
    left_out: tuple[str, ...] = ()  # found, but the authority may not sign for them


def make(
    folder: Path,
    gateway: str,
    names: Sequence[str],
    *,
    found: Sequence[str] = (),
    new_ca: bool = False,
    now: datetime | None = None,
) -> Made:
    """Make a new server certificate, and the authority if there is none. Raises CertificateError.

    `found`: more names and addresses that this machine has now; those for which the authority may not sign are left
    out. `now`: for tests.
    """
    if not (names or found):
        raise CertificateError("names: a certificate needs at least one name or address")
    now = now or datetime.now(UTC)
    try:
        return _made(folder, gateway, names, found, now, new_ca=new_ca)
    except PermissionError as error:
        why = "this user may not; run it with sudo, or as the owner of the state directory"
        raise CertificateError(f"certificate in {folder}: {why}") from error
    except (OSError, ValueError) as error:
        raise CertificateError(f"certificate in {folder}: {error}") from error


def _made(
    folder: Path, gateway: str, wanted: Sequence[str], found: Sequence[str], now: datetime, *, new_ca: bool
) -> Made:
    store = _Store(folder)
    begin = new_ca or not store.has("ca.pem")
    names = tuple(dict.fromkeys([*wanted, *found]))
    left_out: list[str] = []
    if begin:
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca = _authority(gateway, names, ca_key, now)
    else:
        ca_key, ca = store.authority()
        left_out = not_permitted(ca, [name for name in found if name not in wanted])
        names = tuple(name for name in names if name not in left_out)
        if refused := not_permitted(ca, names):
            raise CertificateError(
                f"the authority in {folder} may not sign for {', '.join(refused)}; it was made for "
                f"{', '.join(permitted(ca))}. `--new-authority` makes one for the new names, which each tablet then "
                "has to trust"
            )
    if now > ca.not_valid_after_utc:
        raise CertificateError(f"the authority in {folder} has ended; `--new-authority` makes a new one")
    key = ec.generate_private_key(ec.SECP256R1())
    cert = _server(gateway, names, key, ca, ca_key, now)
    if begin:
        store.write("authority's key", "ca.key", _key_pem(ca_key))
        store.write("authority", "ca.pem", _pem(ca))
    store.write("certificate's key", "gateway.key", _key_pem(key))
    store.write("certificate", "gateway.pem", _pem(cert) + _pem(ca))
    return Made(
        folder / "ca.pem",
        folder / "gateway.pem",
        folder / "gateway.key",
        fingerprint(cert),
        fingerprint(ca),
        names,
        cert.not_valid_after_utc,
        begin,
        tuple(left_out),
    )


class _Store:
    """The directory of the certificates, below the state directory. Every call raises OSError, ValueError."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._state = folder, folder.parent
        self._owners = Owners.of(self._state)
        make_trusted(row("state directory"), self._state, self._owners)
        make_folder(row("certificates"), folder, self._owners, beneath=self._state)

    def has(self, name: str) -> bool:
        return os.path.lexists(self._folder / name)

    def authority(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        if not self.has("ca.key"):
            raise ValueError("ca.key is not there; put it back to renew, or make both again by `--new-authority`")
        key = serialization.load_pem_private_key(self._read("ca.key"), None)
        ca = x509.load_pem_x509_certificate(self._read("ca.pem"))
        if not isinstance(key, ec.EllipticCurvePrivateKey) or ca.public_key() != key.public_key():
            raise ValueError("ca.key is not the key of ca.pem; restore them, or make both again by `--new-authority`")
        return key, ca

    def _read(self, name: str) -> bytes:
        return read_below(self._folder / name, beneath=self._state)

    def write(self, what: str, name: str, data: bytes) -> None:
        write(row(what), self._folder / name, data, self._owners, beneath=self._state)


def permitted(ca: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses for which an authority may sign; empty when it may sign for any."""
    try:
        found = ca.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or ()
    except x509.ExtensionNotFound:
        return ()
    texts = (str(each.value) for each in found if isinstance(each, x509.DNSName | x509.IPAddress))
    return tuple(text.removesuffix("/32").removesuffix("/128") for text in texts)


def not_permitted(ca: x509.Certificate, names: Iterable[str]) -> list[str]:
    """Those of the names for which this authority may not sign."""
    known = permitted(ca)
    return [name for name in names if known and name not in known]


def fingerprint(cert: x509.Certificate) -> str:
    return cert.fingerprint(hashes.SHA256()).hex(":").upper()


def read(path: Path) -> x509.Certificate:
    """The first certificate of a file. Raises CertificateError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"certificate {path}: {error}") from error


def _authority(gateway: str, names: Sequence[str], key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"pumpd {gateway} authority {secrets.token_hex(4)}")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key.public_key(), now, now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_only(names), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    gateway: str,
    names: Sequence[str],
    key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    # A common name with a space is no host name, so no client holds it against the authority's constraints.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"pumpd {gateway}")])
    until = min(now + timedelta(days=SERVER_DAYS), ca.not_valid_after_utc)
    return (
        _builder(subject, ca.subject, key.public_key(), now, until)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(until)
    )


def _only(names: Sequence[str]) -> x509.NameConstraints:
    """Only these names and addresses. A kind of name of which there is none is excluded as a whole."""
    given = [_name(name) for name in names]
    allowed: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_network(each.value)) if isinstance(each, x509.IPAddress) else each for each in given
    ]
    excluded: list[x509.GeneralName] = []
    if not any(isinstance(each, x509.IPAddress) for each in given):
        excluded += [x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0")]
    if not any(isinstance(each, x509.DNSName) for each in given):
        excluded.append(x509.DNSName(""))
    return x509.NameConstraints(allowed, excluded or None)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
