"""Print the table of states into docs/reference/states.md; `--check` fails when the page is out of date."""

import sys

from pumpd.infusion.states import table
from tools.printed import ROOT, write_or_check

PAGE = ROOT / "docs" / "reference" / "states.md"

HEAD = """# The states of an infusion

Printed from `pumpd/infusion/states.py` by `tools/states_page.py`. `advance()` makes no transition that is not in
the second table. In every state that may flow, pumpd keeps a lease, reads the pump at least once a second and has a
stop ready. A stop is accepted in every state.

"""


def page() -> str:
    return HEAD + table()


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page()))
