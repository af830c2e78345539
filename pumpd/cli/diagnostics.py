"""`pumpd diagnostics`: a bundle for support, without keys, patients and people."""

from pathlib import Path
from typing import Annotated

import typer

from pumpd.cli.client import CONFIG, Config, Json, fail, show
from pumpd.cli.doctor import gather
from pumpd.doctor.bundle import about, archive, parts, write

Output = Annotated[Path, typer.Option("--output", help="Directory for the bundle.")]


def diagnostics(*, output: Output = Path(), config: Config = CONFIG, as_json: Json = False) -> None:
    """Make a bundle for support: no keys, patients or names. It changes nothing else. Not a cleared medical device."""
    facts = gather(config)
    made = parts(facts)
    name = "unknown" if facts.settings is None else facts.settings.gateway
    file = (output / f"pumpd-diagnostics-{name}-{facts.now:%Y%m%dT%H%M%SZ}.tar.gz").absolute()
    data = archive(made, int(facts.now.timestamp()))
    try:
        write(data, file)
    except OSError as error:
        fail(
            f"{file} cannot be written: {error.strerror}. Nothing was made; name another directory by --output.",
            as_json=as_json,
        )
    lines = [f"  {each:<28} {about(each) or 'what is in it'}" for each in made]
    root = [] if facts.machine.is_root else ["Run it with sudo for what this user may not read."]
    end = f"{file}: {len(data) // 1024 + 1} kB, readable by you only. Read it before you send it."
    found = {"file": str(file), "bytes": len(data), "parts": list(made)}
    show(found, "\n".join(["The bundle contains:", *lines, *root, end]), as_json=as_json)
