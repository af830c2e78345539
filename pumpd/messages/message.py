"""What every message is made of: bounded, visible text, and fields that are all known."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from pumpd import texts


def _visible(text: str) -> str:
    if hidden := sorted({ascii(each) for each in text if not each.isprintable()}):
        raise ValueError(
            texts.text(
                "request.hidden",
                "control characters and invisible characters are not allowed: {characters}",
                characters=", ".join(hidden),
            )
        )
    return text


Text = Annotated[str, StringConstraints(max_length=200), AfterValidator(_visible)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class Message(BaseModel):
    # Built when it is first used: bedside uses few messages. Control builds all that it takes before it is ready.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
