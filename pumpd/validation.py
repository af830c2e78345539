"""What is wrong with data from outside, in words: one function for every pydantic error."""

from pydantic import ValidationError


def problems(error: ValidationError, whole: str) -> tuple[str, ...]:
    """A text for each error: the field and the reason, never what was sent. `whole` names the data as a whole."""
    return tuple(
        f"{'.'.join(str(part) for part in item['loc']) or whole}: {item['msg']}"
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    )
