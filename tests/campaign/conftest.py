import pytest

from tests.campaign.play import quiet_logs


@pytest.fixture
def quiet():
    """Suppress thousands of log lines; the journal has everything."""
    quiet_logs()
