"""The plain search server that policy models are commonly trained against, in a page: to compare with.

FastAPI, one lock, a serial loop over the batch, one query encoded at a time, a flat FAISS index with its own defaults.
`POST /retrieve` searches the vectors, `POST /retrieve_hybrid` also BM25 after it, fused by reciprocal ranks. Both
take `{"queries": [...], "top_k": 3}`.

    python -m bench.peers.plain_server --data-dir data --port 8000
"""

import argparse
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from index.encoders import Encoder, load_encoder
from index.snapshot import Snapshot
from service.pipeline import open_store
from service.settings import load_settings

DEPTH, RRF_K = 100, 60


class Retrieve(BaseModel):
    """Body of both routes."""

    queries: list[str]
    top_k: int = 3


def create_app(snapshot: Snapshot, encoder: Encoder) -> FastAPI:
    """The server over the passages, vectors and BM25 index of one of our snapshots."""
    index = faiss.IndexFlatIP(encoder.description.dimensions)
    index.add(snapshot.dense.vectors(np.arange(len(snapshot.columns))))
    lock = threading.Lock()
    app = FastAPI()

    def dense(query: str, depth: int) -> list[tuple[int, float]]:
        scores, rows = index.search(encoder.encode_queries([query]), min(depth, index.ntotal))
        return list(zip(rows[0].tolist(), scores[0].tolist(), strict=True))

    def hybrid(query: str, depth: int) -> list[tuple[int, float]]:
        fused: dict[int, float] = defaultdict(float)
        lexical, _ = snapshot.lexical.search(query, DEPTH)
        for rows in ([row for row, _ in dense(query, DEPTH)], lexical.tolist()):
            for rank, row in enumerate(rows, 1):
                fused[row] += 1 / (RRF_K + rank)
        return sorted(fused.items(), key=lambda one: (-one[1], one[0]))[:depth]

    def documents(found: list[tuple[int, float]]) -> list[dict[str, Any]]:
        shown = []
        for row, score in found:
            passage, page = snapshot.columns.passage(row)
            shown.append(
                {"document": {"id": passage.id, "contents": f'"{page.title}"\n{passage.text}'}, "score": score}
            )
        return shown

    @app.get("/ready")
    def ready() -> dict[str, str]:
        return {"snapshot": snapshot.manifest.id}

    @app.post("/retrieve")
    def retrieve(request: Retrieve) -> dict[str, Any]:
        with lock:
            return {"result": [documents(dense(query, request.top_k)) for query in request.queries]}

    @app.post("/retrieve_hybrid")
    def retrieve_hybrid(request: Retrieve) -> dict[str, Any]:
        with lock:
            return {"result": [documents(hybrid(query, request.top_k)) for query in request.queries]}

    return app


def main() -> None:
    """Serve the live snapshot of a data folder on loopback."""
    parser = argparse.ArgumentParser(description="The plain search server, to compare with.")
    parser.add_argument("--settings", type=Path, help="our settings file, for the encoder")
    parser.add_argument("--data-dir", type=Path, required=True, help="the folder with the live snapshot")
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    settings = load_settings(asked.settings, data_dir=asked.data_dir)
    app = create_app(open_store(settings).open(), load_encoder(settings.encoder))
    uvicorn.run(app, port=asked.port, log_level="warning")


if __name__ == "__main__":
    main()
