"""The command `pumpd`, also `python -m pumpd`: the commands of a gateway, and the demo."""

from pumpd.cli.main import app
from pumpd.demo.command import demo

app.command("demo")(demo)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
