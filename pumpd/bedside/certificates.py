"""The gateway's own certificate authority and its server certificate, for a site without its own authority (SEC-04).

Promises:
- Keys are made on this gateway and never leave it. The authority's key is readable by its owner only, and serving
  does not need it (SEC-02, SEC-18).
- A certificate holds only this gateway's names and addresses. The authority cannot sign another authority.
"""

import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

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


def make(folder: Path, gateway: str, names: Sequence[str], *, new_ca: bool = False) -> Made:
    """Make a new server certificate, and the authority if there is none. Raises CertificateError."""
    if not names:
        raise CertificateError("names: a certificate needs at least one name or address")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        ca_path, ca_key_path = folder / "ca.pem", folder / "ca.key"
        begin = new_ca or not ca_key_path.exists()
        if begin:
            _write_key(ca_key_path, ec.generate_private_key(ec.SECP256R1()), 0o600)
            ca_path.write_bytes(_pem(_authority(gateway, _read_key(ca_key_path))))
        ca_key, ca = _read_key(ca_key_path), x509.load_pem_x509_certificate(ca_path.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        cert = _server(gateway, names, key, ca, ca_key)
        cert_path, key_path = folder / "gateway.pem", folder / "gateway.key"
        _write_key(key_path, key, 0o640)
        cert_path.write_bytes(_pem(cert) + ca_path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"certificate in {folder}: {error}") from error
    return Made(
        ca_path,
        cert_path,
        key_path,
        fingerprint(cert),
        fingerprint(ca),
        tuple(names),
        cert.not_valid_after_utc,
        begin,
    )


def fingerprint(cert: x509.Certificate) -> str:
    return cert.fingerprint(hashes.SHA256()).hex(":").upper()


def read(path: Path) -> x509.Certificate:
    """The first certificate of a file. Raises CertificateError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CertificateError(f"certificate {path}: {error}") from error


def _authority(gateway: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
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
        _builder(name, name, key.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
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
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, gateway)])
    return (
        _builder(subject, ca.subject, key.public_key(), SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(serialization.Encoding.PEM)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey, mode: int) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(pem)


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path} contains no elliptic-curve key")  # noqa: TRY004
    return key
