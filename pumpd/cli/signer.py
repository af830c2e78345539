"""A software nurse: a P-256 key in a file, paired with the gateway, that signs the same bytes as a tablet does."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pumpd.messages.binding import of_confirmation
from pumpd.messages.requests import Confirmation
from pumpd.messages.signing import key_id, sign


class KeyFileError(ValueError):
    """The key file cannot be used; the message names it."""


def default_key() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "pumpd" / "nurse.pem"


class SoftwareSigner:
    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self.key, self.key_id = key, key_id(key.public_key())

    @classmethod
    def create(cls, path: Path) -> "SoftwareSigner":
        """Make a new key in a file that only its owner can read. Raises KeyFileError when the file exists."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pem)
        except OSError as error:
            raise KeyFileError(f"key {path}: {error.strerror}") from error
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> "SoftwareSigner":
        """Read the key. Raises KeyFileError."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise KeyFileError(f"key {path}: {why}; `pumpd nurse pair` makes one") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyFileError(f"key {path}: not a P-256 key")
        return cls(key)

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        return self.key.public_key()

    def confirmation(self, pump: str, request: str, fields: dict[str, object], wristband: str) -> Confirmation:
        """Sign the binding that the gateway offered, with the text scanned from the patient's wristband."""
        own = {"op": "confirm", "pump": pump, "request": request, "key": self.key_id, "signature": ""}
        message = Confirmation.model_validate({**fields, **own, "wristband": wristband})
        return message.model_copy(update={"signature": sign(self.key, of_confirmation(message))})
