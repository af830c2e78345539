"""An answer of control, `requests.Answer`, for a client that must not wait until pydantic is imported."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_KINDS = {"ok": bool, "result": dict, "reasons": list, "messages": dict}


@dataclass(frozen=True, slots=True)
class Answered:
    """`ok` with a result, or not `ok` with every reason."""

    ok: bool
    result: Mapping[str, Any]
    reasons: tuple[str, ...]


def answered(line: bytes) -> Answered:
    """Read the line of an answer. Raises ValueError for what is none."""
    try:
        given = json.loads(line)
    except RecursionError as error:
        raise ValueError("an answer is not nested so deeply") from error
    if type(given) is not dict or "ok" not in given:
        raise ValueError("an answer is an object that says whether it is ok")
    if any(type(value) is not _KINDS.get(name) for name, value in given.items()):
        raise ValueError(f"an answer has {', '.join(_KINDS)} and nothing else, each of its kind")
    reasons = given.get("reasons", [])
    if not all(type(each) is str for each in reasons):
        raise ValueError("the reasons of an answer are texts")
    if not all(type(each) is dict for each in given.get("messages", {}).values()):
        raise ValueError("the messages of an answer are objects")
    return Answered(given["ok"], given.get("result", {}), tuple(reasons))
