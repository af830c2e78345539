"""Which families report the time of their pump's clock, so that it is compared with the gateway's (STA-11).

A driver that begins to tell a time belongs in this list, on its page, and under the judgement of the start gate.
"""

import pytest

from pumpd.pump import Done, families
from tests.drivers.test_other_choices import bench

TELLS = {"dianet-star"}


@pytest.mark.requirement("STA-11")
@pytest.mark.parametrize("name", sorted(families()))
async def test_a_family_reports_its_pumps_time_or_none(name):
    async with bench(name, {}, {}) as (driver, _):
        met = await driver.identify()
        assert isinstance(met, Done), met
        assert (met.value.clock is not None) == (name in TELLS)


@pytest.mark.requirement("STA-11")
def test_the_list_names_only_installed_families():
    assert set(families()) >= TELLS
