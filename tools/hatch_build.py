"""Refuses to build a wheel or a source distribution that lacks the tablet's page."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageBuildHook(BuildHookInterface[Any]):
    """Ignores an editable installation: `make page` builds its page, and bedside reports a missing one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if version == "editable":
            return
        if not (Path(self.root) / "pumpd/bedside/static/index.html").is_file():
            raise RuntimeError(
                "pumpd/bedside/static is missing: the tablet's page has not been built. Run `make page` first."
            )
