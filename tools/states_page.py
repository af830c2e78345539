"""Print the table of states into docs/reference/states.md; `--check` fails when the page is out of date."""

import sys
from pathlib import Path

from pumpd.infusion.states import table

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "states.md"

HEAD = """# The states of an infusion

Printed from `pumpd/infusion/states.py` by `python tools/states_page.py`. `advance()` makes no transition that is not in
the second table. In every state that may flow, pumpd keeps a lease, reads the pump at least once a second and has a
stop ready. A stop is accepted in every state.

"""


def page() -> str:
    return HEAD + table()


def main() -> int:
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"{PAGE.name} is out of date: run python tools/states_page.py", file=sys.stderr)
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
