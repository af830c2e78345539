"""The reason that a person gives for what is out of the ordinary (AUD-08). Pure."""

LEAST_LETTERS = 3


def is_reason(text: str) -> bool:
    """Long enough to say something, and visible as a whole in the record."""
    return len(text.strip()) >= LEAST_LETTERS and text.isprintable()
