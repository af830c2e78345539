"""Which pump a stop is for, without waiting for a client (docs/decisions/0023-a-stop-before-its-body.md).

Promises:
- A stop without a body, as the page sends it, is passed on without reading anything.
- A body is read for at most `BODY_WITHIN_S` and `LARGEST_BODY` bytes. A body that breaks off, is late, too long or
  malformed stops every pump: it was meant to stop something, but it is not known what. So does one with a name twice.
"""

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from pumpd.bedside import bodies
from pumpd.texts import text
from pumpd.validation import named_twice

BODY_WITHIN_S = 0.3
LARGEST_BODY = 1024


async def named(request: Request) -> bodies.StopBody:
    """The pump and the reason, from the query or otherwise from the body. No pump: all of them."""
    try:
        if query := request.query_params:
            if len(query.multi_items()) > len(query):
                raise bodies.BodyError(422, named_twice("query"))
            return bodies.StopBody.model_validate(dict(query))
        if _has_body(request):
            return await bodies.read(request, bodies.StopBody, LARGEST_BODY, BODY_WITHIN_S)
    except (ClientDisconnect, ValidationError, bodies.BodyError):
        return bodies.StopBody(reason=text("stop.no_pump", "stop requested on a tablet, without a readable pump"))
    return bodies.StopBody()


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
