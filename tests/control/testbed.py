"""The testbed on one event loop: a simulated NE-1000 in memory, the real gateway, and a nurse with a paired key.

Only the serial cable is simulated: every byte of the protocol is sent, at the speed of the line, in virtual time.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pumpd.control.confirming.signature import pairable
from pumpd.control.gateway import Gateway
from pumpd.control.process import gateway
from pumpd.control.socket.doors import Caller, Door, User
from pumpd.control.tablets.keys import KeyStore
from pumpd.dosing.prescription import is_token
from pumpd.infusion import events as ev
from pumpd.journal import Journal, JournalError, JournalReader, Record
from pumpd.journal.writer import InlineWriter, JournalWriter, NoWriter
from pumpd.library.files import read_library
from pumpd.messages.binding import to_fields
from pumpd.messages.keys import PairedKey
from pumpd.messages.requests import REQUEST, Answer
from pumpd.messages.signing import der_of, sign
from pumpd.settings import Settings
from pumpd.settings_file import Read
from pumpd.wire import memory
from pumpd_simulators.bench import Bench, SimulatedPump, simulate
from pumpd_simulators.clock import LoopClock
from pumpd_simulators.faults import Fault
from tests.patience import PATIENCE_S
from tests.signed import library, signed

OPERATOR = Caller(Door.OPERATOR, User.OWNER, "test")  # a person at the gateway
BEDSIDE = Caller(Door.TABLET, User.MEMBER, "uid 990, pid 1")  # bedside's own user

ROOT = Path(__file__).parents[2]

ORDER: dict[str, Any] = {
    "op": "order",
    "pump": "bed1",
    "entry": "ketamine-1mg-ml",
    "dose": "0.5 mg/kg",
    "weight": "70 kg",
    "weight_again": "70 kg",
    "weight_basis": "actual",
    "duration": "40 min",
    "container": "50 mL",
    "patient": "token-1",
    "ordered_by": "dr-a",
}


# Entries in one transaction of the journal: a third of a whole infusion's CPU was one transaction for each.
GROUP = 64


@dataclass
class Testbed:
    __test__ = False  # not a test case, although its name begins with Test

    gateway: Gateway
    bench: Bench
    journal: Path
    key: ec.EllipticCurvePrivateKey
    paired: PairedKey
    answers: list[Answer] = field(default_factory=list)

    @property
    def pumps(self) -> Mapping[str, SimulatedPump]:
        return self.bench.pumps

    @property
    def pump(self) -> SimulatedPump:
        return self.pumps["bed1"]

    async def ask(self, **fields: Any) -> Answer:
        answer = await self.gateway.answer(REQUEST.validate_python(fields), OPERATOR)
        self.answers.append(answer)
        return answer

    async def ask_as(self, caller: Caller, **fields: Any) -> Answer:
        """Ask through another door, or as another user."""
        return await self.gateway.answer(REQUEST.validate_python(fields), caller)

    async def order(self, **changes: Any) -> Answer:
        """Order for this patient; associate the pump with the patient first if necessary."""
        order = ORDER | changes
        runner = self.gateway.runners.get(order["pump"])
        if runner is not None and runner.patient != order["patient"] and is_token(order["patient"]):
            request = {"op": "associate", "pump": runner.name, "patient": order["patient"], "by": "nurse-1"}
            await self.gateway.answer(REQUEST.validate_python(request), OPERATOR)
        return await self.ask(**order)

    def real(self, pump: str = "bed1", **settings: Any) -> None:
        """From now on the gateway treats this pump as a real one, with these settings of the gateway."""
        runner = self.gateway.runners[pump]
        runner.settings = runner.settings.model_copy(update={"simulated": False})
        runner._polling._simulated = False
        for part in (self.gateway.ordering.planning, self.gateway.gate):
            part._settings = part._settings.model_copy(update=settings)

    def identify_all(self) -> None:
        """A person has identified every pump that cannot show which one it is."""
        for runner in self.gateway.runners.values():
            if runner.line.identified and not runner.line.proven:
                runner.identified_by("nurse-1")

    def state(self, pump: str = "bed1") -> str | None:
        infusion = self.gateway.runners[pump].infusion
        return infusion.state.value if infusion else None

    async def until(self, *states: str, pump: str = "bed1", within_s: float = 30.0) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while self.state(pump) not in states:
            passed = loop.time() - begun
            assert passed < within_s, (self.state(pump), self.gateway.status(), self.entries()[-5:])
            await asyncio.sleep(0.05 if passed < 30 else 0.5)  # 48,000 looks would be a third of a whole infusion's CPU

    async def binding(self, pump: str = "bed1") -> ev.Binding:
        """What is to be signed, with the wristband of the patient for whom it was ordered."""
        answer = await self.ask(op="challenge", pump=pump)
        assert answer.ok, answer.reasons
        fields = dict(answer.result["binding"])
        wristband = answer.result["review"]["patient"]
        return ev.Binding(**{**fields, "action": ev.ConfirmAction(fields["action"]), "wristband": wristband})

    async def confirmation(
        self, binding: ev.Binding | None = None, pump: str = "bed1", request: str = "r-1", **changes: Any
    ) -> dict[str, Any]:
        """A request with the signed binding, with `changes` that were not signed."""
        binding = binding or await self.binding(pump)
        sent = {
            **to_fields(binding),
            "op": "confirm",
            "pump": pump,
            "request": request,
            "key": self.paired.id,
            "signature": sign(self.key, binding),
            "wristband": binding.wristband,
        }
        return sent | changes

    async def confirm(
        self, binding: ev.Binding | None = None, pump: str = "bed1", request: str = "r-1", **changes: Any
    ) -> Answer:
        """Sign the binding and send it, with `changes` that were not signed."""
        return await self.ask(**await self.confirmation(binding, pump, request, **changes))

    async def start(self, pump: str = "bed1", **changes: Any) -> None:
        """Order, confirm and wait until the infusion is RUNNING."""
        answer = await self.order(pump=pump, **changes)
        assert answer.ok, answer.reasons
        await self.until("ready", pump=pump)
        answer = await self.confirm(pump=pump, request=f"r-{pump}")
        assert answer.ok, answer.reasons
        await self.until("running", pump=pump)

    def entries(self) -> list[Record]:
        reader = JournalReader(self.journal)
        try:
            return reader.after(0, 100_000)
        finally:
            reader.close()

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries()]

    def raised(self) -> list[str]:
        """The alarms in the journal, in order. An infusion that goes to its end has "near_end", by design (RUN-12)."""
        return [entry.fields["code"] for entry in self.entries() if entry.kind == "alarm_raised"]

    def truth(self, pump: str = "bed1") -> float:
        delivered = self.pumps[pump].truth()["delivered_ml"]
        assert isinstance(delivered, float)
        return delivered


@contextlib.asynccontextmanager
async def _up_to_date(writer: InlineWriter, path: Path) -> AsyncIterator[None]:
    """Whoever reads this journal finds what was posted before: the writer's thread would need a millisecond for it."""
    rows, loop = JournalReader._rows, asyncio.get_running_loop()

    def flush(done: Future[None]) -> None:
        writer._flush()
        done.set_result(None)

    def current(reader: JournalReader, sql: str, *values: int | str) -> Iterator[tuple[Any, ...]]:
        if reader.path == path:
            done: Future[None] = Future()
            if threading.current_thread() is threading.main_thread():
                flush(done)
            else:  # the journal is written on the loop only
                loop.call_soon_threadsafe(flush, done)
            done.result(PATIENCE_S)
        return rows(reader, sql, *values)

    JournalReader._rows = current  # type: ignore[method-assign] - for as long as the testbed is open
    try:
        yield
    finally:
        JournalReader._rows = rows  # type: ignore[method-assign]


def _new_era(make: Mapping[str, Any]) -> bool:
    return make["name"] == "new-era" and "network" not in (make.get("options") or {})


@contextlib.asynccontextmanager
async def open_testbed(
    folder: Path,
    *,
    beds: Iterable[str] = ("bed1",),
    faults: Iterable[str | Fault] = (),
    group: int = GROUP,
    simulated: Mapping[str, Any] | None = None,
    each: Mapping[str, Mapping[str, Any]] | None = None,
    racks: Mapping[str, Mapping[str, Any]] | None = None,
    top: Mapping[str, Any] | None = None,
    addressed: bool = True,
    read: Read | None = None,
    **pump: Any,
) -> AsyncIterator[Testbed]:
    """A testbed with a simulated pump at each bed.

    `simulated` holds the arguments of `simulate` (`name` and more), `pump` overrides the settings of all pumps, and
    `each` those of one bed, with its own `simulated`. `racks` are pumps with several units, each with the arguments of
    `simulate`; beds name them as their port. `top` are settings of the gateway itself; its library is signed unless
    they change that. `read`: the files that count as its configuration. `group`: as InlineWriter's; who reads the
    journal by a JournalReader finds all that was posted. `addressed`: New Era pumps on ports of their
    own are given addresses, so that each shows which one it is, and a person has identified every other pump that
    cannot show it. Otherwise they have the address that every new pump has, and nobody has identified any.
    """
    beside, racks = {bed: dict(own) for bed, own in (each or {}).items()}, racks or {}
    names = list(beds)
    making = {bed: {"name": "new-era", **(beside.get(bed, {}).pop("simulated", simulated) or {})} for bed in names}
    making = {bed: make for bed, make in making.items() if "port" not in beside.get(bed, {})} | dict(racks)
    driven = {bed: {**pump, **beside.get(bed, {})}.get("driver", "new-era") for bed in making}
    own = [bed for bed in making if addressed and driven[bed] == "new-era" and _new_era(making[bed])]
    addresses = {bed: number for number, bed in enumerate(own, 1)}
    for bed, address in addresses.items():
        making[bed]["options"] = {"address": address, **(making[bed].get("options") or {})}
    given = pump.pop("settings", {})
    settings = Settings.model_validate(
        {
            "gateway": "ward-7",
            "state_dir": folder,
            **signed(),
            **(top or {}),
            "pump": [
                {
                    "name": name,
                    "driver": "new-era",
                    "port": f"memory://{name}",
                    "model": "ne-1000",
                    "serial": f"ASSET-{name}",
                    "simulated": True,
                    **pump,
                    **beside.get(name, {}),
                    "settings": {
                        **({"address": addresses[name]} if name in addresses else {}),
                        **given,
                        **beside.get(name, {}).get("settings", {}),
                    },
                }
                for name in names
            ],
        }
    )
    key = ec.generate_private_key(ec.SECP256R1())
    paired = KeyStore(settings.keys_path).add(pairable("nurse-1", "confirm", der_of(key.public_key())))
    pumps = {
        bed: simulate(**{"seed": number, "faults": faults} | make) for number, (bed, make) in enumerate(making.items())
    }
    bench = Bench(pumps, LoopClock())
    bench.serve(memory.serve)
    writer = InlineWriter(Journal(settings.journal_path, "boot-1"), group)
    current = _up_to_date(writer, settings.journal_path) if group > 1 else contextlib.nullcontext()
    try:
        shipped = settings.library_dir == Path(signed()["library_dir"])
        of_library = library() if shipped else read_library(settings.library_dir)
        async with current, gateway(settings, of_library, writer, read) as made:
            here = Testbed(made, bench, settings.journal_path, key, paired)
            for _ in range(100):
                if not any(runner.problem for runner in made.runners.values()):
                    break
                await asyncio.sleep(0.05)
            if addressed:
                here.identify_all()
            yield here
    finally:
        bench.shut()
        for name, each_pump in pumps.items():
            memory.withdraw(name)
            each_pump.shut()
        await writer.close()


@contextlib.asynccontextmanager
async def restart(here: Testbed) -> AsyncIterator[Gateway]:
    """Another control process on the same state directory. It opens the journal as `run` does, or goes without it."""
    writer: JournalWriter
    try:
        writer = InlineWriter(Journal(here.journal, "boot-2"))
    except JournalError as error:
        writer = NoWriter(error)
    try:
        async with gateway(here.gateway.settings, library(), writer) as made:
            here.gateway = made
            yield made
    finally:
        await writer.close()
