"""`--setting KEY=VALUE`: settings of a pump's driver on the command line."""

from typing import Annotated

import typer

from pumpd.quantities import QuantityError

Settings = Annotated[list[str] | None, typer.Option(help="A driver setting, KEY=VALUE; may be repeated.")]


def settings_of(pairs: list[str] | None) -> dict[str, str]:
    """The settings by key, as text; the family reads them. Raises QuantityError."""
    settings: dict[str, str] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise QuantityError("setting", pair, "no '=' in it", "KEY=VALUE")
        if key in settings:
            raise QuantityError("setting", pair, f"{key} was given before", "each KEY once")
        settings[key] = value
    return settings
