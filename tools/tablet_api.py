"""Print the description of the tablets' API from the models that check each request: pumpd/bedside/openapi.json.

Bedside serves this file. To make it there would cost 1.3 MB of memory and a fifth of its start.
"""

import json
import sys
import tomllib

from pumpd.bedside.openapi import description
from tools.printed import ROOT, write_or_check

FILE = ROOT / "pumpd" / "bedside" / "openapi.json"


def main() -> int:
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return write_or_check(FILE, json.dumps(description(version), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
