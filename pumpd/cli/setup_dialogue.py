"""The questions of `pumpd setup`, in the order in which a person can answer them. What is there is the default."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr, ValidationError

from pumpd.cli.client import NoAnswerError, asked
from pumpd.cli.setting import settings_of
from pumpd.cli.terminal import say
from pumpd.cli.tls import own_names
from pumpd.messages.keys_and_staff import StaffAdd
from pumpd.messages.roles import Role
from pumpd.pump import families, family
from pumpd.quantities import QuantityError
from pumpd.settings import ACKNOWLEDGEMENT, Settings, hardware_port
from pumpd.setup.adapters import adapters
from pumpd.setup.identifying import Asked, Found, identified
from pumpd.setup.plan import Plan, PlanError, Rest, present, usual
from pumpd.text import cause
from pumpd.trust import SigningError, make_key, public_text, trusted_keys
from pumpd.validation import problems

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_KEY = re.compile(r"MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=")
_AREA = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def confirmed(question: str, *, usual: bool) -> bool:
    return bool(typer.confirm(question, default=usual))


def ask(question: str, usual: str = "", form: re.Pattern[str] | None = None, hint: str = "") -> str:
    """A text; asked again until it has the form."""
    while True:
        text: str = typer.prompt(question, default=usual, show_default=bool(usual)).strip()
        if form is None or form.fullmatch(text):
            return text
        say(f"  {hint}")


@dataclass
class Answers:
    """The questions for the configuration at a path. `ports`: those that were given on the command line.
    `search`: for adapters.
    """

    path: Path
    ports: Sequence[str] = ()
    search: bool = True

    def plan(self) -> Plan:
        """Raises PlanError, also when the person wants to leave everything as it is."""
        say("This sets up a pumpd gateway. pumpd is not a cleared medical device: simulation, research, integration.")
        say("Pumps are only asked who they are. Nothing is written before you have seen all of it.\n")
        found = present(self.path)
        if found is not None and not confirmed(
            f"{self.path} is there. Change it? (The former one is kept)", usual=True
        ):
            raise PlanError(["you left it as it is"])
        config = {**usual(self.path), **(found or {})}
        config["gateway"] = ask("Name of this gateway", config["gateway"], _NAME, "a to z, 0 to 9, - and _, at most 32")
        self._pumps(config)
        self._tablets(config)
        self._library(config)
        return Plan(config, self._rest())

    # -- pumps -------------------------------------------------------------------------------------------------------

    def _pumps(self, config: dict[str, Any]) -> None:
        pumps: list[dict[str, Any]] = [dict(each) for each in config.get("pump", [])]
        if pumps:
            say(f"Pumps so far: {', '.join(each['name'] for each in pumps)}.")
            if not confirmed("Keep them?", usual=True):
                pumps = []
        taken = {each["port"] for each in pumps}
        ports = [port for port in self._found_ports() if port not in taken]
        if ports:
            drivers = self._drivers()
            if not confirmed("Is no patient connected to a pump on these ports?", usual=False):
                raise PlanError(["setup asks pumps only while no patient is connected"])
            for port in ports:
                if (found := self._identify(port, drivers)) is not None:
                    pumps.append(self._pump(found, {each["name"] for each in pumps}))
        if pumps:
            config["pump"] = pumps
        if any(not each.get("simulated") for each in pumps):
            self._hardware(config)

    def _found_ports(self) -> list[str]:
        found = adapters() if self.search else []
        ports = [each.port for each in found if each.usb] + list(self.ports)
        say("Serial ports:" if ports or found else "There is no serial adapter, as far as the kernel knows.")
        for each in found:
            weak = "" if each.stable else "; its name may change, so install pumpd's udev rules"
            say(
                f"  {each.port}  {each.what}" + (weak if each.usb else "; the board's own, left out unless you name it")
            )
        for port in self.ports:
            say(f"  {port}")
        while port := ask("Another port, such as tcp://127.0.0.1:4001 (empty: no more)"):
            ports.append(port)
        return list(dict.fromkeys(each if "://" in each else str(Path(each).absolute()) for each in ports))

    def _drivers(self) -> list[str]:
        """The families of the connected pumps. Only these are tried."""
        known = list(families())
        say("Which kinds of pump are connected?")
        for number, name in enumerate(known, 1):
            say(f"  {number:>2}  {name:<18} {family(name).title}")
        while True:
            words = ask("Numbers or names, separated by spaces").replace(",", " ").split()
            chosen = [
                known[int(word) - 1] if word.isdigit() and 0 < int(word) <= len(known) else word for word in words
            ]
            if chosen and set(chosen) <= set(known):
                return list(dict.fromkeys(chosen))
            say("  at least one of the list")

    def _identify(self, port: str, drivers: Sequence[str]) -> Found | None:
        say(f"{port}: asking …")
        answer: Asked = asyncio.run(identified(port, drivers))
        while answer.found is None:
            for each in answer.why:
                say(f"  {each}")
            words = ask("Settings of its driver to try, such as address=12 baudrate=9600 (empty: leave this port out)")
            if not words:
                return None
            try:
                given = {key: int(each) if each.isdigit() else each for key, each in settings_of(words.split()).items()}
                answer = asyncio.run(identified(port, drivers, given))
            except QuantityError as error:
                say(f"  {error}")
        found = answer.found
        say(f"  {found.driver}: {found.model}, {found.firmware}" + (f", serial {found.serial}" if found.serial else ""))
        return found

    def _pump(self, found: Found, taken: set[str]) -> dict[str, Any]:
        number = next(each for each in range(1, 100) if f"bed{each}" not in taken)
        name = ask("  Its name", f"bed{number}", _NAME, "a to z, 0 to 9, - and _, at most 32")
        while name in taken:
            name = ask("  That name is taken. Its name", f"bed{number}", _NAME, "a to z, 0 to 9, - and _, at most 32")
        serial = found.serial or ask(
            "  It reports no serial number. The label on its case", "", re.compile(r".{1,64}"), "1 to 64 characters"
        )
        pump: dict[str, Any] = {
            "name": name,
            "driver": found.driver,
            "port": found.port,
            "model": found.model,
            "serial": serial,
        }
        if not hardware_port(found.port):
            say("  Only a simulated pump can be at this port, so it is marked as SIMULATED everywhere.")
            pump["simulated"] = True
        if found.settings:
            pump["settings"] = dict(found.settings)
        return pump

    def _hardware(self, config: dict[str, Any]) -> None:
        if config.get("hardware", {}).get("acknowledged") == ACKNOWLEDGEMENT:
            return
        say("\nReal pumps stay disabled until you acknowledge what pumpd is.")
        if ask(f'Type "{ACKNOWLEDGEMENT}"') != ACKNOWLEDGEMENT:
            raise PlanError(["hardware.acknowledged: real pumps stay disabled without these words"])
        config["hardware"] = {"enabled": True, "acknowledged": ACKNOWLEDGEMENT}

    # -- tablets, keys, people -----------------------------------------------------------------------------------------

    def _tablets(self, config: dict[str, Any]) -> None:
        if not confirmed("\nServe tablets over HTTPS?", usual=True):
            config.pop("bedside", None)
            return
        bedside = dict(config.get("bedside", {}))
        known = " ".join(bedside.get("names", ()))
        say(f"The certificate will be for {', '.join(own_names())}. Its authority signs for no name added later.")
        bedside["names"] = ask("Further names or addresses by which tablets reach it (empty: none)", known).split()
        config["bedside"] = bedside

    def _library(self, config: dict[str, Any]) -> None:
        simulated = all(each.get("simulated") for each in config.get("pump", []))
        say("\nA start needs a drug library that the pharmacy signed. Its private key belongs on another machine.")
        key = public_key("The pharmacy's public key, a file with it, or new (empty: later)", may_make=True)
        if key:
            config["library_keys"] = {**config.get("library_keys", {}), "pharmacy": key}
            config["care_area"] = ask(
                "Care area of this gateway", config.get("care_area", ""), _AREA, "such as day-clinic"
            )
            config.get("simulation", {}).pop("unsigned_library", None)
        elif simulated and not config.get("library_keys") and config.get("pump"):
            say("Until then the simulated pumps use the unsigned library that pumpd brings.")
            config["simulation"] = {**config.get("simulation", {}), "unsigned_library": True}

    def _rest(self) -> Rest:
        key = public_key(
            "The public key that signs configurations, or a file with it (empty: none, no signature needed)"
        )
        users = ask("Users who may order and stop on the command line, separated by spaces (empty: none)")
        return Rest(operators=tuple(users.split()), config_keys=(key,) if key else ())


def public_key(question: str, *, may_make: bool = False) -> str:
    """An Ed25519 public key as one line; empty for none. `may_make`: `new` makes a key."""
    while text := ask(question):
        try:
            return _new_key() if may_make and text == "new" else _known_key(text)
        except (OSError, SigningError) as error:
            say(f"  {cause(error)}")
    return ""


def _known_key(text: str) -> str:
    """Raises SigningError, OSError."""
    if Path(text).is_file():
        return trusted_keys(Path(text))[0]
    if not _KEY.fullmatch(text):
        raise SigningError(f"{text}: no such file, and no public key: the one line that `pumpd library key` printed")
    return text


def _new_key() -> str:
    """Make a key. Its private half does not stay on this gateway unless the person says so. Raises SigningError."""
    file = Path(ask("  File for the private half, such as one on a memory stick")).absolute()
    here = file.parent.is_dir() and file.parent.stat().st_dev == Path("/").stat().st_dev
    if here and not confirmed(
        "  That is on this gateway: who breaks into it could sign a library. Still?", usual=False
    ):
        raise SigningError("nothing was made; name another file, or make the key on another machine")
    key = public_text(make_key(file).public_key())
    say(f"  Made {file}. Give it to the pharmacy; keep it off every gateway.")
    return key


def add_staff(settings: Settings) -> None:
    """People who sign in on tablets. Control, which runs, checks and keeps them."""
    while confirmed("Add a person who signs in on a tablet?", usual=False):
        badge, name = ask("  Badge number"), ask("  Name, as it is shown")
        roles = ask(f"  Roles, of {', '.join(Role)}", "view confirm").replace(",", " ").split()
        pin = typer.prompt("  PIN, 6 to 12 digits", hide_input=True, confirmation_prompt=True)
        try:
            answer = asked(
                settings, StaffAdd(badge=badge, name=name, roles=tuple(roles), pin=SecretStr(pin), person="")
            )
        except ValidationError as error:
            say(f"  Not added: {'; '.join(problems(error, 'request'))}")
            continue
        except NoAnswerError as error:
            say(f"  Not added: {error}")
            return
        say(f"  Added {name}." if answer.ok else f"  Not added: {'; '.join(answer.reasons)}")
