"""A file that only a passphrase opens: scrypt makes the key, AES-256-GCM seals chunks of 1 MiB.

A header in clear text; then the chunks. The nonce of a chunk is its number and whether it is the last one, so a chunk
that is changed, moved, repeated, left out or cut off is found (the construction STREAM, as in age). Each file has its
own salt, hence its own key. The header is authenticated with every chunk.

Promises:
- Nothing is returned that was not authenticated, and a file that was cut off is an error before its end is reached.
"""

import json
import os
from hashlib import scrypt
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 1 << 20
TAG = 16  # bytes that GCM adds
# 32 MiB and about a tenth of a second on a PC; OWASP's minimum for scrypt with less memory.
SCRYPT = {"n": 1 << 15, "r": 8, "p": 3}
_MOST_MEMORY = 128 << 20
_MARK = b"pumpd-backup-1"
LEAST_PASSPHRASE = 12  # characters


class SealedError(Exception):
    """The file cannot be opened; the message says why."""


def _cipher(header: bytes, passphrase: str) -> AESGCM:
    try:
        fields = json.loads(header.removeprefix(_MARK))
        n, r, p, salt = (fields[each] for each in ("n", "r", "p", "salt"))
        key = scrypt(passphrase.encode(), salt=bytes.fromhex(salt), n=n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=32)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise SealedError("its head is damaged") from error
    return AESGCM(key)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class SealedWriter:
    """Writes a sealed file. Only `close` completes it."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        self._file, self._buffer, self._number = file, bytearray(), 0
        self._header = _MARK + json.dumps(SCRYPT | {"salt": os.urandom(16).hex()}).encode()
        self._cipher = _cipher(self._header, passphrase)
        file.write(self._header + b"\n")

    def write(self, data: bytes) -> int:
        self._buffer += data
        while len(self._buffer) > CHUNK:  # the last chunk is known only at the end
            self._seal(bytes(self._buffer[:CHUNK]), last=False)
            del self._buffer[:CHUNK]
        return len(data)

    def close(self) -> None:
        self._seal(bytes(self._buffer), last=True)

    def _seal(self, data: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), data, self._header))
        self._number += 1


class SealedReader:
    """Reads a sealed file. Raises SealedError."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        self._file, self._buffer, self._number, self._ended = file, bytearray(), 0, False
        header = file.readline(1000)
        if not header.startswith(_MARK) or not header.endswith(b"\n"):
            raise SealedError("it is not a backup of pumpd")
        self._header = header[:-1]
        self._cipher = _cipher(self._header, passphrase)
        self._next = file.read(CHUNK + TAG)

    def read(self, size: int = -1) -> bytes:
        while not self._ended and (size < 0 or len(self._buffer) < size):
            self._open()
        end = len(self._buffer) if size < 0 else size
        data = bytes(self._buffer[:end])
        del self._buffer[:end]
        return data

    def finish(self) -> None:
        """Read what is left, so that a file that was cut off is found."""
        while not self._ended:
            self._open()
            self._buffer.clear()

    def _open(self) -> None:
        sealed, self._next = self._next, self._file.read(CHUNK + TAG)
        self._ended = not self._next
        try:
            self._buffer += self._cipher.decrypt(_nonce(self._number, last=self._ended), sealed, self._header)
        except InvalidTag as error:
            why = "the passphrase is wrong, or the file is damaged" if not self._number else "the file is damaged"
            raise SealedError(f"{why}, or it was cut off") from error
        self._number += 1
