"""`python -m pumpd.update.may`: whether the software may be changed now (PWR-14, SEC-10).

Exit status 0 permits; 1 refuses, with every reason on standard error. It only reads. The package's own scripts ask it.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from pumpd.exit_status import FAILED
from pumpd.idle import activity
from pumpd.settings import Settings, SettingsError
from pumpd.settings_file import DEFAULT_PATH
from pumpd.text import shown


def objections(config: Path) -> list[str]:
    """Why the software may not be changed now."""
    if not config.exists():
        return []  # nothing is set up, so nothing runs
    try:
        settings = Settings.load(config)
    except SettingsError as error:
        return [f"{each}; so it is not known whether a pump is in use" for each in error.problems]
    found = activity(settings, datetime.now(UTC))
    # Set by `pumpd update --journal-unreadable`: a person has seen at the pumps that no patient is infused.
    return list(found.reasons if os.environ.get("PUMPD_JOURNAL_UNREADABLE") else found.objections)


def main() -> int:
    config = Path(os.environ.get("PUMPD_CONFIG") or DEFAULT_PATH)
    reasons = objections(config)
    for reason in reasons:
        print(f"pumpd: {shown(reason)}", file=sys.stderr)
    return FAILED if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
