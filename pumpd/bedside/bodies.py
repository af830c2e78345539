"""What a tablet may send, how much of it, and within what time; and what it is answered."""

import asyncio
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request

from pumpd.messages.message import Id, Text
from pumpd.messages.pairing import Base64, Hash, Nonce
from pumpd.messages.requests import Age, OfSession
from pumpd.texts import text
from pumpd.validation import FEW, problems, repeated

LARGEST = 16 * 1024

B = TypeVar("B", bound=BaseModel)


class BodyError(ValueError):
    """A request that is refused here: the HTTP status and every reason."""

    def __init__(self, status: int, *reasons: str) -> None:
        self.status, self.reasons = status, reasons
        super().__init__("; ".join(reasons))


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class StopBody(_Body):
    pump: Id | None = None
    reason: Text = Field(default_factory=lambda: text("stop.on_tablet", "stop requested on a tablet"))
    of_session: OfSession = None
    age_s: Age = None


class OfferBody(_Body):
    window: Id
    commitment: Hash
    proof: Hash


class RevealBody(_Body):
    window: Id
    public_key: Base64
    name: Text
    nonce: Nonce
    proof: Hash


class HelloBody(_Body):
    key: Id
    nonce: Token
    signature: Base64


class RequestBody(_Body):
    key: Id
    nonce: Token
    signature: Base64
    request: Annotated[str, StringConstraints(max_length=8192)]


class BenchFault(_Body):
    name: Annotated[str, StringConstraints(max_length=32)]
    on: bool


class BenchSpeed(_Body):
    speed: Annotated[int, Field(ge=1, le=240)]


class AnswerBody(BaseModel):
    """`ok` with a result, or not `ok` with every reason.

    `said`: by each English text in them that is known in the language of the request, the same in that language.
    """

    ok: bool
    result: dict[str, Any] = Field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    said: dict[str, str] = Field(default_factory=dict, exclude_if=lambda found: not found)


ALL = (StopBody, OfferBody, RevealBody, HelloBody, RequestBody, BenchFault, BenchSpeed)


async def read(request: Request, kind: type[B], largest: int, within_s: float) -> B:
    """The body as one of these. Raises BodyError with every reason."""
    try:
        async with asyncio.timeout(within_s):
            raw = await _raw(request, largest)
        read_body = kind.model_validate_json(raw)
    except TimeoutError as error:
        raise BodyError(
            408,
            text(
                "bedside.body_late",
                "body: it did not arrive within {seconds} s; nothing was done, send it again",
                seconds=f"{within_s:g}",
            ),
        ) from error
    except ValidationError as error:
        raise BodyError(422, *problems(error, "body", FEW)) from error
    if why := repeated(raw, "body"):
        raise BodyError(422, why)
    return read_body


async def _raw(request: Request, largest: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise BodyError(413, text("bedside.body_large", "body: more than {bytes} bytes", bytes=largest))
        parts.append(part)
    return b"".join(parts)
