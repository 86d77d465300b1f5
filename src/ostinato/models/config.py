"""Base class of network configs: frozen, strict and bounded, because configs come from files."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Size = Annotated[int, Field(ge=1, le=4096)]  # units, channels
Depth = Annotated[int, Field(ge=1, le=64)]  # layers, levels
Kernel = Annotated[int, Field(ge=1, le=1024)]  # steps
Window = Annotated[int, Field(ge=1, le=65_536)]  # steps
Rate = Annotated[float, Field(ge=0.0, lt=1.0)]  # dropout


class NetworkConfig(BaseModel):
    """Fields of a network; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
