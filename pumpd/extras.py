"""What is not there when pumpd was installed without one of its extras, in words instead of a traceback."""

import contextlib
import sys
from collections.abc import Iterator

from pumpd.exit_status import REFUSED

OWN = ("pumpd", "pumpd_drivers", "pumpd_simulators")


@contextlib.contextmanager
def needs(extra: str) -> Iterator[None]:
    """Around the imports that only work with the extra. A module of pumpd itself is never excused.

    :raises SystemExit: another distribution's module is missing; with the message and exit code 2
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in OWN:
            raise
        print(
            f"pumpd: nothing was done: this needs the extra `pumpd[{extra}]`, of which {error.name} is missing here. "
            f"Install it (pip install 'pumpd[{extra}]'), or the Debian package, which holds everything.",
            file=sys.stderr,
        )
        raise SystemExit(REFUSED) from error
