"""From ranked candidates to the hits of a reply: texts within the token budget, each with its evidence."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from authority_search.models import Dates, Hit, SearchRequest, SourceInfo
from domain_lists.records import Source
from index.columns import StoredPage
from index.records import Passage
from index.snapshot import Snapshot
from index.tokens import count_tokens, cut
from ranking.candidates import ArmScores, Candidates, Ranked

# A shorter remainder of the budget is not worth a cut passage.
_LEAST_TOKENS = 16
_HITS = TypeAdapter(list[Hit])


def fill_hits(
    snapshot: Snapshot,
    rows: NDArray[np.int64],
    candidates: Candidates,
    ranked: Sequence[Ranked],
    request: SearchRequest,
) -> tuple[list[Hit], int]:
    """The hits that fit into `max_tokens`, and how many did not. The last one that fits may be cut."""
    hits: list[dict[str, Any]] = []
    left = request.max_tokens
    for one in ranked:
        if left is not None and left < _LEAST_TOKENS:
            break
        passage, page = snapshot.columns.passage(int(rows[one.at]))
        text, tokens = _within_budget(passage, left)
        if left is not None:
            # A cut text ends the reply: what follows it would be crumbs.
            left = left - tokens if tokens == passage.tokens else 0
        also_at = [snapshot.columns.url(int(candidates.page[at])) for at in one.same_text]
        explanation = _explanation(candidates, one) if request.explain else None
        hits.append(_hit(snapshot, len(hits) + 1, passage, page, text, tokens, one, also_at, explanation))
    # All at once: a model's own constructor costs as much as the fields of ten.
    return _HITS.validate_python(hits), len(ranked) - len(hits)


def _within_budget(passage: Passage, left: int | None) -> tuple[str, int]:
    if left is None or passage.tokens <= left:
        return passage.text, passage.tokens
    text = passage.text[: cut(passage.text, left)].rstrip()
    return text, count_tokens(text)


def _hit(
    snapshot: Snapshot,
    rank: int,
    passage: Passage,
    page: StoredPage,
    text: str,
    tokens: int,
    ranked: Ranked,
    also_at: list[str],
    explanation: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "rank": rank,
        "passage_id": passage.id,
        "url": page.url,
        "title": page.title,
        "heading_path": list(passage.heading_path),
        "text": text,
        "tokens": tokens,
        "truncated_tokens": passage.tokens - tokens,
        "ordinal": passage.ordinal,
        "start": passage.start,
        "end": passage.end,
        "language": passage.language,
        "source": source_info(snapshot.sources.get(page.source)),
        "dates": _dates(page),
        "score": _rounded(ranked.fused),
        # In the order of preference: the most trusted first.
        "also_at": [url for url in dict.fromkeys(also_at) if url != page.url],
        "explanation": explanation,
    }


def _explanation(candidates: Candidates, ranked: Ranked) -> dict[str, Any]:
    return {
        "lexical": _arm_score(candidates.lexical, ranked.at, ranked.lexical),
        "dense": _arm_score(candidates.dense, ranked.at, ranked.dense),
        "fused": _rounded(ranked.fused),
        "reranker": None if ranked.reranker is None else _rounded(ranked.reranker),
        "band": ranked.band,
        "rank_without_authority": ranked.rank_without_authority,
        "authority_moved": ranked.authority_moved,
    }


def _arm_score(arm: ArmScores, at: int, normalised: float) -> dict[str, Any]:
    raw, rank = float(arm.raw[at]), int(arm.rank[at])
    return {
        "raw": None if math.isnan(raw) else _rounded(raw),
        "rank": rank or None,
        "normalised": _rounded(normalised),
    }


@lru_cache(maxsize=4096)
def source_info(source: Source) -> SourceInfo:
    """A source as it goes over the wire."""
    return SourceInfo(
        id=source.id, name=source.name, sector=source.sector, country=source.country, language=source.language,
        kind=source.kind, tier=source.tier, authority=source.authority,
    )  # fmt: skip


def page_dates(page: StoredPage) -> Dates:
    """The dates of a page with where each came from."""
    return Dates.model_validate(_dates(page))


def _dates(page: StoredPage) -> dict[str, Any]:
    return {field: dated and dated._asdict() for field, dated in page.dates.items()}


def _rounded(score: float) -> float:
    # Six decimals are what float32 scores carry.
    return round(score, 6)
