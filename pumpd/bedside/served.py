"""The certificate that is being served: taken into use when it is renewed, without a restart, and reported to control.

Promises:
- A renewed certificate is served to new connections; those that are open stay open.
- A pair of files that does not fit together, such as one that is half renewed, changes nothing.
- What is reported is the end of the certificate that clients get, not of a file.
"""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import structlog

from pumpd.bedside.link import Control, NoControlError
from pumpd.messages.requests import Serving

log = structlog.get_logger("pumpd.bedside")

CHECK_EVERY_S = 10.0
REPORT_EVERY_S = 60.0  # control may have restarted
_NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which Python has no name

Files = tuple[tuple[int, int], ...]


class Served:
    """The files of a certificate and its key, in the context of a server that has loaded them."""

    def __init__(self, context: ssl.SSLContext, cert: Path, key: Path, control: Control) -> None:
        self._context, self._cert, self._key, self._control = context, cert, key, control
        self._loaded, self._refused = self._files(), ""

    async def run(self) -> None:
        """Follow the files and report, until cancelled."""
        now = asyncio.get_running_loop().time
        due = now()
        while True:
            if self.renewed() or now() >= due:
                with contextlib.suppress(NoControlError, OSError):  # a strange certificate is no reason to end
                    await self._control.ask(Serving(certificate_until=ends(self._context, self._cert)))
                due = now() + REPORT_EVERY_S
            await asyncio.sleep(CHECK_EVERY_S)

    def renewed(self) -> bool:
        """Take changed files into use. Returns whether another certificate is served now."""
        found = self._files()
        if found == self._loaded:
            return False
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._cert, self._key)
            self._context.load_cert_chain(self._cert, self._key)
        except (OSError, ssl.SSLError) as error:
            if self._refused != str(error):
                log.warning("certificate_not_renewed", cert=str(self._cert), why=str(error), served="the former one")
            self._refused = str(error)
            return False
        self._loaded, self._refused = found, ""
        log.info("certificate_renewed", cert=str(self._cert))
        return True

    def _files(self) -> Files:
        """Which files these are, by inode and time of change; nothing for one that is not there."""
        found = []
        for path in (self._cert, self._key):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_ino, status.st_mtime_ns))
        return tuple(found)


def ends(context: ssl.SSLContext, cert: Path) -> datetime:
    """When the certificate ends that a client of this context gets, by a TLS handshake in memory.

    Python's own TLS shows the fields of a certificate only to the peer that verified it, and a library for them would
    cost 8 MB. `cert`: its file, which the client trusts.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    client.load_verify_locations(cert)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(to_client, to_server)
    answers = context.wrap_bio(to_server, to_client, server_side=True)
    for end in (asks, answers, asks):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    peer = asks.getpeercert()
    if not peer:
        raise ssl.SSLError(f"certificate {cert} cannot be read")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(peer["notAfter"])), UTC)
