"""What the sections of the configuration are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
# An MQTT topic without wildcards, outside of the broker's own `$` topics.
Topic = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./:-]{1,200}$")]


class Section(BaseModel):
    # Built with the whole, once: each section by itself as well would cost memory in every process.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
