"""Two orders at once with the journal writer of a running gateway, in real time (STA-14)."""

import asyncio

import pytest

from pumpd.control.process import gateway
from pumpd.journal.writer import ThreadWriter
from pumpd.library.files import read_library
from pumpd.messages.requests import REQUEST
from pumpd.settings import Settings
from pumpd.wire import memory
from pumpd_simulators.bench import simulate
from tests.control.testbed import OPERATOR, ORDER
from tests.patience import until
from tests.signed import signed

PUMP = {
    "name": "bed1",
    "driver": "new-era",
    "model": "ne-1000",
    "serial": "A",
    "simulated": True,
    "settings": {"address": 1},
}


@pytest.mark.realtime
@pytest.mark.requirement("STA-14")
@pytest.mark.parametrize("number", range(5))
async def test_of_two_orders_at_once_one_is_accepted(tmp_path, number):
    port = f"orders-{number}"
    settings = Settings.model_validate(
        {"gateway": "ward-7", "state_dir": tmp_path, **signed(), "pump": [PUMP | {"port": f"memory://{port}"}]}
    )
    bench = simulate(name="new-era", seed=number, options={"address": 1})
    memory.serve(port, bench)
    writer = ThreadWriter(settings.journal_path, "boot")
    try:
        await writer.opened()
        async with gateway(settings, read_library(settings.library_dir), writer) as made:
            await until(lambda: not made.runners["bed1"].problem)
            requests = [REQUEST.validate_python(ORDER | {"patient": patient}) for patient in ("token-1", "token-2")]
            answers = await asyncio.gather(*(made.answer(request, OPERATOR) for request in requests))
    finally:
        memory.withdraw(port)
        bench.shut()
        await writer.close()
    assert [answer.ok for answer in answers].count(True) == 1
