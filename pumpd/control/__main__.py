"""`python -m pumpd.control --config FILE`: the control process by itself, as its systemd unit starts it."""

import sys
from importlib.util import find_spec

# This must run before anything imports them. Control has no network, so asyncio needs no TLS; its log has no colours,
# so structlog needs no rich. Together they would cost 5 MB and a tenth of a second on a gateway. hashlib finds SHA-256
# in OpenSSL (`_hashlib`) and in Python's own `_sha256`; where it has the latter, OpenSSL is 3.6 MB for nothing.
for unwanted in ("ssl", "rich", *(("_hashlib",) if find_spec("_sha256") else ())):
    sys.modules.setdefault(unwanted, None)  # type: ignore[arg-type]  # None is what makes an import fail

import argparse
import asyncio
import os
from pathlib import Path

import structlog

from pumpd import logs
from pumpd.control.parts import PartDiedError
from pumpd.control.process import run
from pumpd.host.files import CONTROL_UMASK
from pumpd.journal import JournalError
from pumpd.messages.requests import DISCLAIMER
from pumpd.pump import UnknownFamilyError
from pumpd.settings import SettingsError
from pumpd.settings_file import DEFAULT_PATH, Read


def main() -> int:
    parser = argparse.ArgumentParser(prog="pumpd.control", description=f"The pumpd control process: {DISCLAIMER}.")
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH)
    logs.set_up()
    arguments = parser.parse_args()
    os.umask(CONTROL_UMASK)  # also without its unit: the journal is nobody else's to read
    try:
        asyncio.run(run(Read(arguments.config)))
    except (SettingsError, JournalError, UnknownFamilyError, OSError, ValueError) as error:
        structlog.get_logger("pumpd.control").error("control_not_started", why=str(error))
        return 2
    except PartDiedError as error:
        structlog.get_logger("pumpd.control").critical("control_died", why=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
