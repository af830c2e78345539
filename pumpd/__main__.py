"""The command `pumpd`, also `python -m pumpd`."""

import sys

from pumpd.extras import needs


def main() -> None:
    if sys.argv[1:2] == ["stop"]:
        # Imported here, and before the other commands: a stop does not wait for typer.
        from pumpd.cli.stop import carry_out, usual  # noqa: PLC0415  # see above

        if (options := usual(sys.argv[2:])) is not None:
            carry_out(options)
            return
    with needs("cli"):
        from pumpd.cli.main import app  # noqa: PLC0415  # after the stop, which needs none of it

    app(prog_name="pumpd")  # also as `python -m pumpd`: its name is in every usage line, and completion goes by it


if __name__ == "__main__":
    main()
