"""A driver's settings, and which of them replace a fact that no public source states."""

from collections.abc import Mapping
from typing import Any, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pumpd.pump import Assumption
from pumpd.validation import reason
from pumpd.wire import LineFacts

_ASSUMED = "assumed"
LONGEST_REQUEST = 40  # bytes, of any family


def assumed(default: Any, meaning: str, **constraints: Any) -> Any:
    """A settings field for an inferred or unknown fact: its default, and the meaning of the fact."""
    return Field(default=default, description=meaning, json_schema_extra={_ASSUMED: True}, **constraints)


class DriverSettings(BaseModel):
    """Settings of one pump. An unknown key is an error, because it is most likely a misspelling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reply_timeout_s: float = assumed(
        0.5,
        "A pump replies within this time, not counting the time on the line. No source states a time.",
        ge=0.05,
        le=5.0,
    )
    quiet_s: float = assumed(
        0.2, "After a missed reply, once the line has been quiet for this long, no late reply comes.", ge=0.02, le=2.0
    )
    healthy_answer_s: float = assumed(
        0.1,
        "A healthy pump replies within this time, not counting the time on the line. A stop waits for no reply longer "
        "than 1.5 times the longest that the pump gave of late, or this until one was heard. No source states a time.",
        ge=0.005,
        le=1.0,
    )
    reads_while_answering: bool = assumed(
        False,
        "The line carries both directions at once, and the pump takes a request while it still answers another: "
        "a stop then waits for no reply at all. No source says that it does.",
    )

    def line_facts(self, longest_reply: int) -> LineFacts:
        """What a stop may rely on; `longest_reply` in bytes."""
        return LineFacts(self.healthy_answer_s, LONGEST_REQUEST + longest_reply, self.reads_while_answering)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Check settings from a file or a command line, where every value is text and a list is separated by commas.

        Raises ValueError that names each wrong key and the reason.
        """
        given = {
            key: cls._from_text(key, value) if isinstance(value, str) else value for key, value in settings.items()
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = []
            for item in error.errors(include_url=False, include_input=False):
                key = ".".join(str(part) for part in item["loc"]) or "settings"
                known = f"unknown setting (known: {', '.join(cls.model_fields)})"
                problems.append(f"settings.{key}: {known if item['type'] == 'extra_forbidden' else reason(item)}")
            raise ValueError("; ".join(problems)) from error

    @classmethod
    def _from_text(cls, key: str, text: str) -> Any:
        """The value of a text for a field: split at commas for a list, an int where the choices are ints."""
        field = cls.model_fields.get(key)
        if field is None:
            return text
        if get_origin(field.annotation) is tuple:
            return tuple(text.split(","))
        choices = get_args(field.annotation)
        if choices and all(isinstance(choice, int) for choice in choices) and text.isascii() and text.isdecimal():
            return int(text)
        return text

    @classmethod
    def assumptions(cls) -> tuple[Assumption, ...]:
        """The fields made with `assumed`, in order."""
        return tuple(
            Assumption(name, str(field.default), field.description or "")
            for name, field in cls.model_fields.items()
            if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(_ASSUMED)
        )
