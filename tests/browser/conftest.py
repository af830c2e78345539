"""Real gateways for the whole run, and one browser for each module.

Playwright runs an event loop in the thread that uses it. It must end before other modules run theirs.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import chromium
from tests.browser.gateway import UNSET, Certificate, RealGateway, real_gateway
from tests.browser.tablet import Tablet, tablet
from tools.tablet_pictures import Mock, mock

SLOW, STAGED, FAST = 10, 60, 240


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.made(tmp_path_factory.mktemp("tls") / "made")


@pytest.fixture(scope="session")
def testbed(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RealGateway]:
    """Six beds, ten times faster than real time: a pause may last half a minute."""
    beds = {f"bed{number}": f"SIM-{number}" for number in range(1, 5)} | {"bed5": "<img src=x onerror=alert(1)>"}
    beds[UNSET] = "SIM-6"
    with real_gateway(tmp_path_factory.mktemp("testbed"), certificate, beds, SLOW) as made:
        yield made


@pytest.fixture(scope="module")
def quick_testbed(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RealGateway]:
    """One bed, 240 times faster than real time: forty minutes take ten seconds. Nobody has used it before."""
    with real_gateway(tmp_path_factory.mktemp("quick"), certificate, {"bed1": "SIM-1"}, FAST) as made:
        yield made


@pytest.fixture(scope="session")
def staged_testbed(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RealGateway]:
    """Sixty times faster than real time: half a treatment takes 20 s, and the two hours for its rest two minutes."""
    beds = {"bed1": "SIM-1", "bed2": "SIM-2"}
    with real_gateway(tmp_path_factory.mktemp("staged"), certificate, beds, STAGED) as made:
        yield made


VITALS = """[vitals]
spo2_percent = { critical_low = 88, warn_low = 92 }
heart_rate_bpm = { critical_low = 40, warn_low = 50, warn_high = 110, critical_high = 130 }
systolic_mmhg = { critical_low = 80, warn_high = 160, critical_high = 180 }
diastolic_mmhg = { warn_high = 100, critical_high = 110 }
"""


@pytest.fixture(scope="session")
def watched_testbed(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RealGateway]:
    """One bed, where nothing starts or runs without the patient's vital signs."""
    with real_gateway(tmp_path_factory.mktemp("watched"), certificate, {"bed1": "SIM-1"}, SLOW, VITALS) as made:
        yield made


@pytest.fixture(scope="module")
def browser(certificate: Certificate) -> Iterator[Browser]:
    with chromium(certificate.key_hash) as made:
        yield made


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[Mock, Browser]]:
    """The mock, which shows the scenes that it is asked for, and a browser."""
    with mock() as gateway, chromium() as browser:
        yield gateway, browser


@pytest.fixture(scope="module")
def nurse(browser: Browser, testbed: RealGateway) -> Iterator[Tablet]:
    """A paired tablet."""
    with tablet(browser, testbed, "ward tablet") as made:
        made.pair()
        yield made


@pytest.fixture(scope="module")
def staged_nurse(browser: Browser, staged_testbed: RealGateway) -> Iterator[Tablet]:
    """A tablet that is paired with the staged gateway."""
    with tablet(browser, staged_testbed, "day clinic") as made:
        made.pair()
        yield made


@pytest.fixture
def watching_nurse(browser: Browser, watched_testbed: RealGateway) -> Iterator[Tablet]:
    """A tablet that is paired with the gateway where vital signs count."""
    with tablet(browser, watched_testbed, "recovery room") as made:
        made.pair()
        yield made
