"""Print the tables of requests into docs/reference/requests.md; `--check` only says whether the page is fresh."""

import sys
from pathlib import Path

from pumpd.control.socket import doors
from pumpd.control.tablets import needs

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "requests.md"

HEAD = """# Requests

What control takes, by which of its two sockets, and from whom ([why](../decisions/0021-two-doors.md)). Printed from
`pumpd/control/socket/doors.py` and `pumpd/control/tablets/needs.py` by `python tools/requests_page.py`; a test asks for
every request at every door as every user.

A request is one line of JSON with the field `op`; the answer is one line with `ok`, `result` and `reasons`. What is not in
these tables is refused.

- **owner**: root, or the user that control runs as
- **group**: a member of the group that owns the socket (`pumpd-operators`, `pumpd-bedside`)
- **everybody**: every user who can open the socket

## At the sockets

"""

SIGNED = """
## In a signed tablet request

`tablet` carries a request that a paired tablet has signed. The tablet's key and the person signed in on it both need the
role.

"""


def page() -> str:
    return HEAD + doors.table() + SIGNED + needs.table()


def main() -> int:
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"{PAGE.name} is stale: run python tools/requests_page.py", file=sys.stderr)
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
