"""Everything that is wrong with a configuration, at once: files, drivers, open secrets, paired keys, drug library.

What is wrong in one place hides nothing in another: a pump without a serial number may also have an unknown driver.
"""

from collections.abc import Iterator
from typing import Any

from pumpd.dosing import LibraryError
from pumpd.host.open_secrets import open_secrets
from pumpd.library.files import default_library, read_library
from pumpd.messages.keys import software_nurses, with_hardware
from pumpd.pump import UnknownFamilyError, family
from pumpd.pump_bindings import binding_errors
from pumpd.settings import Settings, SettingsError
from pumpd.settings_file import Read
from pumpd.text import shown


def examined(read: Read, *, library: bool) -> tuple[Settings | None, list[str]]:
    """The settings in these files, None if the files themselves are wrong; and every error: one in a file hides none of
    the others. `library`: the drug library is examined as well.

    `pumpd run` does not examine the library: control starts without one too, because a pump may be flowing.
    """
    found: list[str] = []
    settings: Settings | None = None
    try:
        sound = settings = Settings.of(read)
    except SettingsError as error:
        found += error.problems
        if error.sound is None:
            return None, found
        sound = error.sound
    if library and isinstance(read.merged.get("library_dir", ""), str):
        found += _of_library(sound)
    found += open_secrets(sound)
    found += _of_drivers(read.merged.get("pump"))
    if why := with_hardware(software_nurses(sound.keys_path), sound.real_pumps):
        found.append(f"{sound.keys_path}: {why}")
    return settings, [*found, *binding_errors(sound.pumps)]


def _of_library(settings: Settings) -> list[str]:
    try:
        read_library(settings.library_dir or default_library())
    except LibraryError as error:
        return error.problems
    return []


def _of_drivers(pumps: Any) -> Iterator[str]:
    """As far as a pump names its driver, whatever else is wrong with it."""
    for number, pump in enumerate(pumps if isinstance(pumps, list) else ()):
        if not isinstance(pump, dict) or not isinstance(driver := pump.get("driver"), str):
            continue
        try:
            found, settings = family(driver), pump.get("settings", {})
            if isinstance(settings, dict):
                found.check_settings(settings)
        except (UnknownFamilyError, ValueError) as error:
            yield shown(f"pump {pump.get('name', number)}: {error.args[0]}")
