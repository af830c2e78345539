"""Print which request control accepts on which socket into docs/reference/requests.md; `--check` compares it."""

import sys

from pumpd.control.socket import doors
from pumpd.control.tablets import needs
from tools.printed import ROOT, write_or_check

PAGE = ROOT / "docs" / "reference" / "requests.md"

HEAD = """# Requests and sockets

Control answers on local sockets. This table states which request it accepts on which socket, and from which user;
it refuses everything else (SEC-21, [decision 21](../decisions/0021-two-sockets-and-one-table.md)). Printed from
`pumpd/control/socket/doors.py` and `pumpd/control/tablets/needs.py` by `tools/requests_page.py`. pumpd is not a cleared
medical device: it is for simulation, research and integration only.

- The **operator socket** (`socket` in the configuration) is for people and programs on the gateway.
- The **tablet socket** (`tablet_socket`) is for bedside, which has a network and may be compromised. What no paired key
  has signed changes nothing there, except a stop.
- The **vitals socket** (`vitals_socket`) is for the process that receives vital signs, which has a network too. It
  exists only with the section `[vitals]`. What comes there can stop an infusion, and never start, resume or change one.
- **owner** is root or the user that control runs as. **group** is the group that owns the socket.

"""

SIGNED = """
## In a signed tablet request

`tablet` carries a request that a paired tablet has signed. The tablet's key and the person signed in on it both need
the role. Printed from `pumpd/control/tablets/needs.py`.

"""

SIGNED = """
## Signed tablet requests

`tablet` carries a request that a paired tablet has signed. The tablet's key and the person who is signed in on it both
need the role.

"""

FOOT = """
## Form

## On the wire

Each request is one line of JSON, and so is its answer: `{"ok": true, "result": {…}}` or
`{"ok": false, "reasons": [...]}`. After `watch` and `trace` the connection carries only the stream. The fields of each
request are in `pumpd/messages/requests.py`, those of a signed tablet request in `pumpd/messages/tablet.py`.
"""


def page() -> str:
    return HEAD + doors.table() + SIGNED + needs.table() + FOOT


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page()))
