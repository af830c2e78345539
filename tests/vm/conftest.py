"""Virtual gateways for the tests: `make vm` makes the image and names it in PUMPD_VM_IMAGE.

What a test measures is printed at the end of the run, whether it passed or not.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import Certificate
from tests.vm.gateway import WITHIN_S, VirtualGateway, virtual_gateway
from tests.vm.machine import Image
from tests.vm.nurse import Nurse

MEASURED = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[MEASURED] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if measured := config.stash[MEASURED]:
        terminalreporter.section("measured")
        for line in measured:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def measured(pytestconfig: pytest.Config) -> Callable[[str], None]:
    return pytestconfig.stash[MEASURED].append


@pytest.fixture(scope="session")
def image() -> Image:
    name = os.environ.get("PUMPD_VM_IMAGE")
    if not name:
        pytest.fail("these tests need the disk of a virtual gateway: run `make vm`")
    return Image(Path(name), Path(name).name.partition("-")[0])


@pytest.fixture(scope="module")
def gateway(image: Image, measured: Callable[[str], None]) -> Iterator[VirtualGateway]:
    """A gateway that is switched on, with an adapter and a pump for each bed."""
    with virtual_gateway(image) as made:
        measured(f"switched on: ready after {made.on():.0f} s")
        yield made


@pytest.fixture(scope="module")
def nurse(gateway: VirtualGateway, image: Image) -> Nurse:
    """A paired tablet without a screen, with a person signed in."""
    made = Nurse(gateway, image.folder / "tls" / "ca.pem")
    made.pair()
    made.sign_in()
    return made


@pytest.fixture(scope="session")
def certificate(image: Image) -> Certificate:
    """Of the gateway; the browser trusts only its key."""
    return Certificate(image.folder / "tls")


@pytest.fixture
def patience() -> Iterator[None]:
    """A page of an emulated machine."""
    expect.set_options(timeout=WITHIN_S * 1000)
    yield
    expect.set_options(timeout=20_000)
