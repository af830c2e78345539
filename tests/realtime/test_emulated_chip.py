"""The emulated chip ends when it should and says what is wrong; `make firmware` compares edges with the order."""

import time

import pytest

from benchmarks.firmware.__main__ import main
from benchmarks.firmware.chip import Chip, ChipError, build_reference, build_runner
from benchmarks.firmware.ordered import Infusion, steps_per_ml
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chip")
    return build_runner(folder), build_reference(folder, "10000001")


@pytest.mark.parametrize(
    ("pins", "why"),
    [
        (["step=Z2"], "NAME=PIN"),
        (["step=D2/D"], "not a pin"),
        (["Step=D2"], "small letters"),
        (["step=F7"], "no pin F7"),
    ],
)
def test_a_pin_that_does_not_exist_is_refused(built, pins, why):
    with pytest.raises(ChipError, match=why):
        Chip(*built, pins)


def test_a_file_that_is_no_image_is_refused(built, tmp_path):
    (tmp_path / "text.elf").write_text("not an image")
    with pytest.raises(ChipError, match="not an ELF image"):
        Chip(built[0], tmp_path / "text.elf", [])


def test_the_chip_ends_with_the_process_that_commands_it(built):
    with Chip(*built, ["step=D2"]) as chip:
        chip.popen.stdin.close()
        assert chip.popen.wait(PATIENCE_S) == 0
        assert '"event":"end"' in chip.popen.stdout.readline()


def test_the_chip_never_runs_ahead_of_the_clock(built):
    with Chip(*built, [], speed=2) as chip:
        first = chip.count()
        while (now := chip.count())["chip_s"] < first["chip_s"] + 0.5:
            time.sleep(0.05)
        assert now["chip_s"] <= 2 * now["wall_s"] + 0.01
        assert now["chip_s"] >= 2 * (now["wall_s"] - now["late_s"]) - 2 * 0.05 - 0.01


def test_the_edges_are_compared_with_the_order(capsys):
    quick = ["--only", "driver", "--rate", "300 mL/h", "--volume", "0.05 mL", "--setting", "reply_timeout_s=5"]
    assert main(quick) == 0
    table = capsys.readouterr().out
    assert "driver: completed  0.0500 mL  0.0500 mL  288 " in table  # 0.05 mL * 3200 steps/mm / (pi / 4 * 26.59^2 mm2)
    assert main([*quick, "--steps-per-mm", "3220"]) == 1


@pytest.mark.parametrize(
    ("edges", "ended", "good"),
    [
        (5762, "completed", True),
        (5756, "completed", True),
        (5750, "completed", False),
        (5775, "completed", False),
        (5762, "tripped", False),
    ],
)
def test_an_infusion_is_as_ordered_within_a_thousandth_and_when_it_was_completed(edges, ended, good):
    per_ml = steps_per_ml(3200, 26.59)
    assert Infusion("driver", 1, 1, edges, per_ml, 60, 60, 0, ended).as_ordered is good
