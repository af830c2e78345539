"""Print the decisions after a restart into docs/reference/restart.md; `--check` fails when the page is out of date."""

import sys

from pumpd.infusion.restart import table
from tools.printed import ROOT, write_or_check

PAGE = ROOT / "docs" / "reference" / "restart.md"

HEAD = """# After a restart

When a control process starts, it reads the journal, recovers what was under way, polls each pump, and decides. Nothing
starts or resumes by itself, whatever it finds. A resume is a person's decision, with a new confirmation
([decision 4](../decisions/0004-one-way-to-flow.md)).

"""

FOOT = """
Printed from `pumpd/infusion/restart.py` by `tools/restart_page.py`. The tests try each cell on the real gateway
and on the state machine alone.

- **Stop** is sent as soon as the pump is identified and flows, and again every half second until two polls, at least
  two seconds apart, show no flow and an unchanged volume. After 3 s without that there is a high alarm.
- **No waiting for a nurse.** PWR-05 allows a restarted control process to let the flow continue for up to 60 s until a
  nurse acknowledges. pumpd stops at once whatever may flow: nobody has yet examined why the process died, a pause costs
  the patient little, and a resume is a signature away. How fast it is: [benchmarks](benchmarks.md).
- **A pump that does not answer** gets a stop every half second once its port is open. Its infusion stays in a state in
  which flow is assumed, and its worst case is booked. Until the pump answers again, its own watchdog, the deadman or
  its programmed volume ends the flow: see [drivers](drivers.md) for each family.
- **The patient associated with a pump** is the one in the journal ([decision 20](../decisions/0020-one-patient.md)).
- **A changed pumpd, configuration or library**: the infusion is stopped and cannot be resumed
  ([decision 16](../decisions/0016-an-update-waits-for-the-observation.md)).
- **Another boot of the machine**: instants are shifted by the wall clock. If that clock went backwards, or is not known
  to be right (a machine without a clock of its own boots in the past), nobody knows how long the machine was off. Then
  every window of an infusion is over and only its rest can be ordered, and an observation continues as if the machine
  had not been off at all.
- **A journal that cannot be read or trusted**: [what to do](journal.md#when-the-file-is-damaged).
- **A library that cannot be read or used**: what flows is stopped as above, and nothing is started
  ([the seal](drug-library.md#the-seal)). A configuration that cannot be read ends the process: the pump's own watchdog,
  the deadman or the programmed volume ends the flow.
"""


def page() -> str:
    return HEAD + table() + FOOT


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page()))
