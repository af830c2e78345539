"""Every dialogue of `transcripts/FAMILY.txt`, word for word: simulators against their hosts, drivers against pumps."""

import asyncio
from pathlib import Path

import pytest

from pumpd.pump import family
from pumpd_simulators.conformance.replay import replay_on_driver, replay_on_simulator
from pumpd_simulators.transcript import TranscriptError, read
from pumpd_simulators.virtual_time import VirtualTimeLoop

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def play(each, replay):
    """All of a file, so that one run shows all differences."""

    async def run():
        wrong = []
        for dialogue in each:
            try:
                await replay(dialogue)
            except TranscriptError as error:
                wrong.append(f"{dialogue.name}\n  {error}")
        return wrong

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        wrong = runner.run(run())
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_the_simulator_sends_every_byte(file):
    chosen = [dialogue for dialogue in read(file) if dialogue.for_simulator]
    assert chosen
    play(chosen, lambda dialogue: replay_on_simulator(dialogue, file.stem))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_the_driver_sends_every_byte_and_ends_as_written(file):
    chosen = [dialogue for dialogue in read(file) if dialogue.for_driver]
    assert chosen
    play(chosen, lambda dialogue: replay_on_driver(dialogue, family(file.stem)))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_dialogue_names_its_source(file):
    assert [dialogue.where for dialogue in read(file) if not dialogue.source] == []
