"""Virtual gateways for the tests: `make vm` makes the image and names it in PUMPD_VM_IMAGE.

What a test measures is printed at once, so that a run that is ended early has said it; on stderr, which is also that
of a worker process.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.gateway import Certificate
from tests.vm.gateway import WITHIN_S, VirtualGateway, virtual_gateway
from tests.vm.machine import Image
from tests.vm.nurse import Nurse


@pytest.fixture(scope="session")
def measured(pytestconfig: pytest.Config) -> Callable[[str], None]:
    capture = pytestconfig.pluginmanager.get_plugin("capturemanager")
    assert capture is not None

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"\nmeasured: {line}\n")
            sys.stderr.flush()

    return say


@pytest.fixture(scope="session")
def image() -> Image:
    name = os.environ.get("PUMPD_VM_IMAGE")
    if not name:
        pytest.fail("these tests need the disk of a virtual gateway: run `make vm`")
    return Image(Path(name), Path(name).name.partition("-")[0])


@pytest.fixture(scope="session")
def one_gateway(image: Image, measured: Callable[[str], None]) -> Iterator[VirtualGateway]:
    """One for the whole run: it takes an emulated machine half a minute to boot."""
    with virtual_gateway(image) as made:
        measured(f"switched on: ready after {made.on():.0f} s")
        yield made


@pytest.fixture
def gateway(one_gateway: VirtualGateway) -> VirtualGateway:
    """A gateway that is switched on, with an adapter and a pump for each bed."""
    if not one_gateway.machine.is_on:  # a test failed while it was off
        one_gateway.on()
    return one_gateway


@pytest.fixture(scope="session")
def nurse(one_gateway: VirtualGateway, image: Image) -> Nurse:
    """A paired tablet without a screen, with a person signed in."""
    made = Nurse(one_gateway, image.folder / "tls" / "ca.pem")
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
