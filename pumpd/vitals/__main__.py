"""`python -m pumpd.vitals --config PATH`: hear bedside monitors on a broker, and hand their vital signs to control."""

from pumpd.unneeded import EVERYWHERE, block

if __name__ == "__main__":
    block(*EVERYWHERE)  # before any other import

import argparse
import asyncio
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from pumpd import logs
from pumpd.exit_status import REFUSED
from pumpd.extras import needs
from pumpd.messages.requests import DISCLAIMER
from pumpd.process import until_signal
from pumpd.settings import Settings, SettingsError
from pumpd.settings_file import DEFAULT_PATH
from pumpd.vitals.link import ControlLink

with needs("telemetry"):
    from pumpd.vitals.service import Vitals


log = structlog.get_logger("pumpd.vitals")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pumpd.vitals", description=__doc__, epilog=DISCLAIMER)
    parser.add_argument("--config", type=Path, default=DEFAULT_PATH, help="configuration file (default %(default)s)")
    options = parser.parse_args(arguments)
    logs.set_up()
    try:
        settings = Settings.load(options.config)
        vitals = settings.vitals
        if vitals is None or vitals.broker is None:
            raise SettingsError([f"{options.config}: vitals.broker: this process needs a broker and topics"])
    except SettingsError as error:
        print(f"pumpd vitals: {error}", file=sys.stderr)
        return REFUSED
    link = ControlLink(settings.vitals_socket_path)
    jitter = random.Random()  # noqa: S311 - not a secret
    service = Vitals(settings.gateway, vitals.broker, vitals.topics, link, jitter)
    log.info("vitals_started", gateway=settings.gateway, topics=dict(vitals.topics), statement=DISCLAIMER)
    asyncio.run(_serve(service, link))
    log.info("vitals_stopped", handed_over=service.handed_over, complaints=dict(service.complaints.counts))
    return 0


async def _serve(service: Vitals, link: ControlLink) -> None:
    try:
        await until_signal(listen=service.listen(), hand_over=service.hand_over())
    finally:
        await link.close()


if __name__ == "__main__":
    sys.exit(main())
