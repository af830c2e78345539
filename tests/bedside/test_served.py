"""The certificate that is served: renewed without a restart, and reported with its end."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from pumpd.bedside.__main__ import tls_context
from pumpd.bedside.certificates import fingerprint, make, read
from pumpd.bedside.link import NoControlError
from pumpd.bedside.served import CHECK_EVERY_S, REPORT_EVERY_S, Served, ends
from tests.bedside.test_certificates import handshake_of

NAMES = ["localhost"]
SPRING = datetime(2026, 4, 1, tzinfo=UTC)


class Control:
    """Notes what bedside reports."""

    def __init__(self) -> None:
        self.reported: list[datetime] = []
        self.away = False

    async def ask(self, message):
        if self.away:
            raise NoControlError("away")
        self.reported.append(message.certificate_until)


@contextlib.asynccontextmanager
async def running(served: Served):
    task = asyncio.create_task(served.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.requirement("SEC-04")
async def test_a_renewed_certificate_is_served_without_a_restart(tmp_path):
    made = make(tmp_path / "tls", "ward-7", NAMES, now=SPRING)
    context, control = tls_context(made.cert, made.key), Control()
    async with running(Served(context, made.cert, made.key, control)):
        await asyncio.sleep(1)
        assert control.reported == [made.until]
        renewed = make(tmp_path / "tls", "ward-7", NAMES, now=SPRING + timedelta(days=380))
        await asyncio.sleep(CHECK_EVERY_S)
        assert control.reported == [made.until, renewed.until]
    assert served_by(context) == renewed.fingerprint


def served_by(context: ssl.SSLContext) -> str:
    """The fingerprint of what a client gets."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    der = handshake_of(client, context, None).getpeercert(binary_form=True)
    return fingerprint(x509.load_der_x509_certificate(der))


async def test_half_a_renewal_changes_nothing_and_is_logged_once(tmp_path):
    made = make(tmp_path / "tls", "ward-7", NAMES, now=SPRING)
    other = make(tmp_path / "other", "ward-7", NAMES, now=SPRING)
    context, control = tls_context(made.cert, made.key), Control()
    with capture_logs() as logs:
        async with running(Served(context, made.cert, made.key, control)):
            await asyncio.sleep(1)
            other.key.replace(made.key)
            await asyncio.sleep(5 * CHECK_EVERY_S)
            assert served_by(context) == made.fingerprint
            other.cert.replace(made.cert)
            await asyncio.sleep(CHECK_EVERY_S)
            assert served_by(context) == other.fingerprint
    assert [each["event"] for each in logs] == ["certificate_not_renewed", "certificate_renewed"]


async def test_control_hears_of_it_again_after_it_was_away(tmp_path):
    made = make(tmp_path / "tls", "ward-7", NAMES, now=SPRING)
    control = Control()
    control.away = True
    async with running(Served(tls_context(made.cert, made.key), made.cert, made.key, control)):
        await asyncio.sleep(3 * REPORT_EVERY_S)
        assert control.reported == []
        control.away = False
        await asyncio.sleep(REPORT_EVERY_S)
        assert set(control.reported) == {made.until}


async def test_files_that_are_gone_leave_the_server_as_it_is(tmp_path):
    made = make(tmp_path / "tls", "ward-7", NAMES, now=SPRING)
    context, control = tls_context(made.cert, made.key), Control()
    async with running(Served(context, made.cert, made.key, control)):
        made.cert.unlink()
        await asyncio.sleep(3 * REPORT_EVERY_S)
    assert served_by(context) == made.fingerprint


@pytest.mark.parametrize("made_on", [SPRING - timedelta(days=4000), SPRING, datetime(2090, 1, 1, tzinfo=UTC)])
def test_the_end_is_that_of_the_certificate_whether_it_has_ended_or_not_begun(tmp_path, made_on):
    made = make(tmp_path / "tls", "ward-7", NAMES, now=made_on)
    assert ends(tls_context(made.cert, made.key), made.cert) == read(made.cert).not_valid_after_utc
