"""The requests about paired keys and staff. Control is the only writer of their files."""

from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, SecretStr

from pumpd.messages.message import Id, Message, Text

# A PIN goes over the socket and nowhere else: not into a journal, a log or an error.
SentPin = Annotated[
    SecretStr, Field(max_length=32), PlainSerializer(lambda pin: pin.get_secret_value(), when_used="json")
]


class KeyList(Message):
    """The paired keys of tablets and software nurses."""

    op: Literal["key_list"] = "key_list"


class KeyAdd(Message):
    """Pair the key of a software nurse.

    `public_key` is the base64 of its SPKI DER.
    """

    op: Literal["key_add"] = "key_add"
    name: Text
    public_key: Text


class KeyRename(Message):
    """Rename a paired key."""

    op: Literal["key_rename"] = "key_rename"
    key: Id
    name: Text


class KeyRevoke(Message):
    """Revoke a paired key. Whatever it signs is refused from then on."""

    op: Literal["key_revoke"] = "key_revoke"
    key: Id


class StaffList(Message):
    """The people who may sign in on a tablet."""

    op: Literal["staff_list"] = "staff_list"


class StaffAdd(Message):
    """Add a person who may sign in on a tablet.

    `person`: the site's own number of that human being, who has one badge only.
    """

    op: Literal["staff_add"] = "staff_add"
    badge: Text
    name: Text
    roles: tuple[Text, ...]
    pin: SentPin
    person: Text = ""


class StaffRemove(Message):
    """Remove a person, who is signed out at once."""

    op: Literal["staff_remove"] = "staff_remove"
    badge: Text


class PinReset(Message):
    """Give a person a new PIN."""

    op: Literal["pin_reset"] = "pin_reset"
    badge: Text
    pin: SentPin
