"""Text from outside is data: it is shown on one line, and cannot control a screen (SEC-12)."""


def shown(text: str) -> str:
    """The text with every control, invisible or bidirectional character written out, as in a Python literal."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
