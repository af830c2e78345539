"""The lines of a stop, `requests.Stop`, and of the status that follows it, for a client that must not wait until
pydantic is imported.
"""

import json

from pumpd.text import shown

STATUS_LINE = b'{"op":"status"}'
LONGEST = 200  # characters, as in every text of a message


def stop_line(*, pump: str | None, by: str, reason: str, switching_source: bool) -> bytes:
    """The message, as control reads it. What `by` and `reason` say is made to fit: no stop is refused for its words."""
    message = {
        "op": "stop",
        "pump": pump,
        "by": _fitting(by),
        "reason": _fitting(reason),
        "switching_source": switching_source,
        "of_session": None,  # it stops whatever is there
        "age_s": None,  # and is sent at once
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _fitting(text: str) -> str:
    return shown(text)[:LONGEST]
