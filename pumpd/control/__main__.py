"""`python -m pumpd.control --config FILE`: the control process by itself, as its systemd unit starts it."""

from pumpd.exit_status import FAILED, REFUSED
from pumpd.unneeded import EVERYWHERE, OPENSSL, block

block(*EVERYWHERE, *OPENSSL)  # before any other import. Control has no network, so asyncio needs no TLS

import argparse
import asyncio
import os
import sys
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
from pumpd.text import cause


def main() -> int:
    parser = argparse.ArgumentParser(prog="pumpd.control", description=f"The pumpd control process: {DISCLAIMER}.")
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH)
    logs.set_up()
    arguments = parser.parse_args()
    os.umask(CONTROL_UMASK)  # also without its unit: the journal is nobody else's to read
    try:
        asyncio.run(run(Read(arguments.config)))
    except (SettingsError, JournalError, UnknownFamilyError, OSError, ValueError) as error:
        structlog.get_logger("pumpd.control").error("control_not_started", why=cause(error))
        return REFUSED
    except PartDiedError as error:
        structlog.get_logger("pumpd.control").critical("control_died", why=str(error))
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
