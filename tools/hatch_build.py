"""Refuses to build a wheel or a source distribution without the page of the tablet in it."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageBuildHook(BuildHookInterface[Any]):
    """An editable installation is left alone: its page is built by `make page`, and bedside says so when it is not."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if version == "editable":
            return
        if not (Path(self.root) / "pumpd/bedside/static/index.html").is_file():
            raise RuntimeError(
                "pumpd/bedside/static is missing: the page of the tablet is not built. Run `make page` first."
            )
