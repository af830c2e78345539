"""Servers of real parts for a whole run, a browser for each module.

Playwright keeps an event loop of its own running in the thread that uses it, so it must end before tests of other
modules run theirs.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import chromium
from tests.browser.gateway import Certificate, RealGateway, real_gateway
from tests.browser.tablet import Tablet, tablet

SLOW, FAST = 10, 240


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.made(tmp_path_factory.mktemp("tls") / "made")


@pytest.fixture(scope="session")
def open_testbed(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RealGateway]:
    """Four beds, ten times as fast as life: a pause may last half a minute."""
    beds = {f"bed{number}": f"SIM-{number}" for number in range(1, 5)} | {"bed5": "<img src=x onerror=alert(1)>"}
    with real_gateway(tmp_path_factory.mktemp("ward"), certificate, beds, SLOW) as made:
        yield made


@pytest.fixture(scope="session")
def quick_ward(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RealGateway]:
    """One bed, 240 times as fast as life: forty minutes are ten seconds."""
    with real_gateway(tmp_path_factory.mktemp("quick"), certificate, {"bed1": "SIM-1"}, FAST) as made:
        yield made


@pytest.fixture(scope="module")
def browser(certificate: Certificate) -> Iterator[Browser]:
    with chromium(certificate.key_hash) as made:
        yield made


@pytest.fixture(scope="module")
def nurse(browser: Browser, testbed: RealGateway) -> Iterator[Tablet]:
    """The ward's tablet, paired."""
    with tablet(browser, testbed, "ward tablet") as made:
        made.pair()
        yield made
