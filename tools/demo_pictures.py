"""Redraw the README's pictures by running the demo: docs/images/demo.svg and infusion.png."""

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from pumpd.demo.play import Demo
from pumpd.demo.script import Script
from pumpd.demo.view import View

IMAGES = Path(__file__).parent.parent / "docs" / "images"
AT_S = 24 * 60  # seconds of flow at which the live view is drawn


class Photographer(View):
    taken = False

    def update(self, pump: dict[str, Any], messages: int) -> None:
        super().update(pump, messages)
        if not self.taken and pump["infusion"]["running_s"] >= AT_S:
            self.taken = True
            console = Console(record=True, width=94, file=io.StringIO(), force_terminal=True, color_system="truecolor")
            console.print(self.panel(pump, pump["infusion"], messages))
            console.save_svg(str(IMAGES / "demo.svg"), title="make demo")


def main() -> int:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Script(60), Path(folder), as_json=False)
        demo.view = Photographer(60)
        status = demo.play()
        shutil.copy(Path(folder) / "infusion.png", IMAGES)
    return status


if __name__ == "__main__":
    sys.exit(main())
