"""Serving whatever is published: follows the pointer, and swaps without failing a request.

A request takes the current searcher and keeps it to its end; a new snapshot is opened, tried and only then
put in place. The old one closes itself when its last request lets go of it.
"""

import logging
import threading
from collections.abc import Callable

from authority_search.models import CoverageReply, Readiness, SearchRequest
from domain_lists.errors import DomainListError
from index.encoders import Encoder
from index.errors import IndexingError, SnapshotInvalid
from index.rerankers import Reranker
from index.store import SnapshotStore
from ranking.settings import RankingSettings
from service.coverage import load_coverage
from service.errors import NotReady, ServiceError
from service.memory import require_memory
from service.searcher import Searcher

_log = logging.getLogger(__name__)


class LiveSearcher:
    """The searcher of the live snapshot. `start` returns at once; `current` raises NotReady until one is open."""

    def __init__(
        self,
        store: SnapshotStore,
        load_encoder: Callable[[], Encoder],
        settings: RankingSettings,
        poll_seconds: float = 1.0,
        load_reranker: Callable[[], Reranker | None] = lambda: None,
        arm_seconds: float | None = None,
        dense_device: str = "cpu",
        memory_gb: float | None = None,
    ) -> None:
        self._store = store
        self._load_encoder = load_encoder
        self._load_reranker = load_reranker
        self._settings = settings
        self._poll_seconds = poll_seconds
        self._arm_seconds = arm_seconds
        self._dense_device = dense_device
        self._memory_gb = memory_gb
        self._searcher: Searcher | None = None
        self._models: tuple[Encoder, Reranker | None] | None = None
        self._trouble = "the encoder is being loaded"
        self._tried: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="snapshot-follower", daemon=True)

    def start(self) -> None:
        """Begin to follow the pointer in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def current(self) -> Searcher:
        """The searcher of the live snapshot; keep it for the whole request."""
        searcher = self._searcher
        if searcher is None:
            raise NotReady(f"no snapshot is open yet: {self._trouble}; try again in a moment")
        return searcher

    def readiness(self) -> Readiness:
        """Whether requests can be answered, and by which snapshot. `reason` tells of a newer one that was refused."""
        searcher = self._searcher
        if searcher is None:
            return Readiness(status="starting", reason=self._trouble)
        manifest = searcher.snapshot.manifest
        return Readiness(
            status="ready",
            snapshot=manifest.id,
            passages=manifest.passages,
            encoder=manifest.encoder.model,
            reranker=searcher.reranker.model if searcher.reranker else None,
            reason=self._trouble or None,
        )

    def coverage(self) -> CoverageReply:
        """What the last refresh of the data folder covered. Raises NotReady before the first."""
        return load_coverage(self._store.folder)

    def refresh(self) -> None:
        """Open the published snapshot if it was not tried yet; keep the old one if that fails."""
        published = self._store.current_id()
        if published is not None and published == self._tried:
            return
        try:
            self._models = self._models or (self._load_encoder(), self._load_reranker())
            self._searcher = self._opened(published, *self._models)
            self._tried, trouble = published, ""
        except NotReady as error:
            # Memory may come free.
            trouble = str(error)
        except (IndexingError, DomainListError, ServiceError) as error:
            # Final for this snapshot: the next publication is tried again.
            self._tried, trouble = published, str(error)
        except OSError as error:
            trouble = str(error)
        if trouble and trouble != self._trouble:
            _log.warning("cannot serve what is published: %s", trouble)
        self._trouble = trouble

    def _opened(self, snapshot_id: str | None, encoder: Encoder, reranker: Reranker | None) -> Searcher:
        plan = require_memory(self._store, snapshot_id, self._memory_gb) if snapshot_id else None
        snapshot = self._store.open(snapshot_id, self._dense_device)
        searcher = Searcher(snapshot, encoder, self._settings, reranker, arm_seconds=self._arm_seconds)
        # One search brings in what the first request would have to wait for, and shows that all parts work.
        reply = searcher.search(SearchRequest(queries=["warm up"], top_k=1))
        if reply.degraded:
            failed = reply.degraded[0]
            raise SnapshotInvalid(f"{snapshot_id}: the {failed.part} failed when tried: {failed.reason}")
        _log.info("serving snapshot %s, which wants about %s", searcher.snapshot.manifest.id, plan)
        return searcher

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception:
                # The service lives on with what it has; the next look may go better.
                _log.exception("looking for a new snapshot failed")
            self._stop.wait(self._poll_seconds)
