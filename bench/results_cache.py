"""Results kept as JSON: what was computed from the same things is not computed again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from bench.records import Collection, Latency, Result, Run
from bench.systems import PEERS, System
from bench.trec import ranked
from index.files import write_atomically
from index.snapshot import Manifest

VERSION = 1
"""Raised when the bench computes anything in another way: earlier results count no more."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A result with the run that it was judged from."""

    result: Result
    run: Run


class ResultsCache:
    """Results in a folder, by a digest of everything that they depend on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Evaluated | None:
        """What is kept under that key; None where there is nothing, or nothing that can be read."""
        try:
            return _evaluated(json.loads(self._path(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def put(self, key: str, evaluated: Evaluated) -> None:
        """Keep a result. Of the run only the order is kept."""
        order = {query: sorted(found, key=lambda one: -found[one]) for query, found in evaluated.run.items()}
        content = {"result": asdict(evaluated.result), "order": order}
        write_atomically(self._path(key), json.dumps(content, ensure_ascii=False).encode())

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def result_key(collection: Collection, manifest: Manifest, system: System) -> str:
    """A digest of all that a result depends on: collection, index, encoder, system, and the code that answers.

    What the system is called is no part of it.
    """
    parts = {
        "version": VERSION,
        "collection": [collection.name, collection.split, collection.digest],
        "content": manifest.content,
        "encoder": asdict(manifest.encoder),
        "system": [system.way, system.ranking()],
        "code": code_digest("index", "ranking", "service") if system.way not in PEERS else _version("bm25s"),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def code_digest(*packages: str) -> str:
    """SHA-256 of the source of packages: what another code made must not be taken for what this one makes."""
    digest = hashlib.sha256()
    for package in packages:
        for file in sorted(_modules(files(package)), key=lambda one: one.name):
            digest.update(f"{package}/{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _modules(package: Traversable) -> list[Traversable]:
    return [file for file in package.iterdir() if file.name.endswith(".py")]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _evaluated(content: Mapping[str, dict[str, object]]) -> Evaluated:
    values = dict(content["result"])
    latency = values["latency"]
    values["latency"] = None if latency is None else Latency(**latency)  # type: ignore[arg-type]
    run = {query: ranked(documents) for query, documents in content["order"].items()}  # type: ignore[arg-type]
    return Evaluated(Result(**values), run)  # type: ignore[arg-type]
