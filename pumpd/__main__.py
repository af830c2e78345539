"""The command `pumpd`, also `python -m pumpd`."""

from pumpd.extras import needs

with needs("cli"):
    from pumpd.cli.main import app


def main() -> None:
    app()


if __name__ == "__main__":
    main()
