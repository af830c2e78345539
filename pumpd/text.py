"""Text from outside is data: it is shown on one line, and cannot control a screen (SEC-12)."""


def shown(text: str) -> str:
    """The text with every control, invisible or bidirectional character written out, as in a Python literal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def cause(error: BaseException) -> str:
    """What an exception says, for people: of the system's errors the file and the reason, without their number."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
