"""The example notebook works on what the ward exports."""

import json
from datetime import UTC, datetime
from pathlib import Path

from pumpd_ward.export import WHAT, as_csv

NOTEBOOK = Path(__file__).parents[2] / "examples" / "ward" / "delivered.ipynb"


def infusion(number: int, delivered: float, outcome: str) -> dict:
    made = dict.fromkeys(WHAT["infusions"])
    at = datetime(2026, 3, 1, tzinfo=UTC)
    found = {"gateway": "g1", "pump": "pump-a", "session": f"s{number}", "started_at": at, "ended_at": at}
    return {**made, **found, "outcome": outcome, "programmed_ml": 35.0, "delivered_ml": delivered}


def test_the_notebook_draws_a_hundred_infusions_and_names_the_one_that_gave_too_much(tmp_path, monkeypatch):
    import matplotlib as mpl  # slow to import in each worker

    mpl.use("agg")
    made = [infusion(number, 35.0, "completed") for number in range(90)]
    made += [infusion(number, 10.0, "stopped") for number in range(90, 99)]
    (tmp_path / "infusions.csv").write_bytes(as_csv(WHAT["infusions"], [*made, infusion(99, 36.0, "completed")]))
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    names["plt"].close("all")
    assert len(names["infusions"]) == 100
    assert [each["session"] for each in names["over"]] == ["s99"]
    assert (tmp_path / "delivered.png").stat().st_size > 5000
