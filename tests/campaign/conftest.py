import pytest

from tests.campaign.play import quiet_logs


@pytest.fixture
def quiet():
    """Thousands of lines of log are nothing to look at; the journal tells all of it."""
    quiet_logs()
