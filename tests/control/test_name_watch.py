"""Another machine with this gateway's name is an alarm on both consoles, for as long as it is heard."""

import asyncio

import pytest

from pumpd.control.name_watch import NameWatch
from pumpd.host.name_taken import NameTaken, path_of
from pumpd.pump import AlarmCode
from pumpd.settings import Settings
from tests.patience import until

ONE = {"gateway": "bed-3", "mqtt": {"host": "broker"}}


@pytest.mark.realtime
async def test_the_word_of_telemetry_is_an_alarm_until_it_ends(tmp_path):
    settings = Settings.model_validate({**ONE, "state_dir": tmp_path})
    changes = []
    watch = NameWatch(settings, lambda: changes.append(watch.alarms()))
    assert watch.wanted
    word, task = NameTaken(path_of(settings)), None
    try:
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(0.2)
        word.say()
        await until(lambda: changes)
        word.end()
        await until(lambda: len(changes) == 2)
    finally:
        if task is not None:
            task.cancel()
    assert changes == [[AlarmCode.NAME_TAKEN], []]


def test_nobody_looks_where_there_is_no_telemetry(tmp_path):
    assert not NameWatch(Settings.model_validate({"gateway": "bed-3", "state_dir": tmp_path}), print).wanted
