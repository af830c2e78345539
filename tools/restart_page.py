"""Print the decisions after a restart into docs/reference/restart.md; `--check` only says whether the page is fresh."""

import sys
from pathlib import Path

from pumpd.infusion.restart import table

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "restart.md"

HEAD = """# After a restart

A control process that comes up reads the journal, takes up what was under way, looks at each pump, and decides. Nothing
starts or goes on by itself, whatever it finds: a resume is a person's, with a new confirmation
([decision 4](../decisions/0004-one-way-to-flow.md)).

"""

FOOT = """
Printed from `pumpd/infusion/restart.py` by `python tools/restart_page.py`; each cell is tried on the real gateway and
on the state machine alone.

- **Stop** goes out as soon as the pump has been met and flows, and is sent again each half second until two looks over
  two seconds show no flow and an unchanged volume. After 3 s without that there is a high alarm.
- **No waiting for a nurse.** PWR-05 lets a control that is back go on with the flow for up to 60 s until a nurse
  acknowledges. pumpd stops at once whatever may flow: the process died for a reason that nobody has looked at yet, a
  pause costs the patient little, and a resume is a signature away. How soon is [measured](benchmarks.md).
- **A pump that does not answer** gets a stop each half second once its port is open. Its infusion stays in a state in
  which flow is assumed, and its worst case is booked. Until it is back its own watchdog, the deadman or its programmed
  volume ends the flow: what each family has is in [drivers](drivers.md).
- **Whose a pump is** is as the journal has it ([decision 20](../decisions/0020-one-patient.md)).
- **A changed pumpd, configuration or library**: the infusion is stopped and cannot be resumed
  ([decision 16](../decisions/0016-an-update-waits-for-the-observation.md)).
- **Another boot of the machine**: instants are moved by the wall clock. If that went backwards, every window is over.
- **A journal not to be read or believed**: [what to do](journal.md#when-the-file-is-not-what-it-was).
- **A library that cannot be read, or will not do**: what flows is stopped as above, and nothing is started
  ([the seal](drug-library.md#the-seal)). A configuration that cannot be read ends the process: the pump's own watchdog,
  the deadman or the programmed volume ends the flow.
"""


def page() -> str:
    return HEAD + table() + FOOT


def main() -> int:
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"{PAGE.name} is stale: run python tools/restart_page.py", file=sys.stderr)
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
