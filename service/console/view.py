"""What the templates show of a reply: bands, bars, words for what authority did."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from authority_search.models import Explanation, Hit, QueryResult, SearchReply
from service.console.highlight import Piece, highlight, query_terms


class ScoreRow(NamedTuple):
    """One line of a hit's scores. `share` in [0, 100] is the length of its bar: see `Scale`."""

    name: str
    score: float | None
    raw: float | None
    rank: int | None
    share: float | None = None


class Scale(NamedTuple):
    """How long bars are: a score's lead over the least of its kind among the hits, in one unit for all kinds.

    Scores of an arm may lie far from 0 and close together; what orders hits is their differences.
    """

    least: Mapping[str, float]
    unit: float

    @classmethod
    def of(cls, explanations: Sequence[Explanation]) -> "Scale":
        """The scale on which the widest spread of a kind fills the bar."""
        by_kind = [_normalised(one) for one in explanations]
        spreads = {kind: [one[kind] for one in by_kind] for kind in (by_kind[0] if by_kind else ())}
        least = {kind: min(scores) for kind, scores in spreads.items()}
        return cls(least, max((max(scores) - least[kind] for kind, scores in spreads.items()), default=0.0))

    def share(self, kind: str, score: float) -> float:
        """In [0, 100]; 100 where all hits are alike, as for a lone one."""
        return round(100 * (score - self.least[kind]) / self.unit, 1) if self.unit else 100.0


class HitView(NamedTuple):
    """A hit with the query's words marked in its texts."""

    hit: Hit
    title: Sequence[Piece]
    headings: Sequence[Sequence[Piece]]
    text: Sequence[Piece]
    scores: Sequence[ScoreRow]
    moved: int
    band: int | None


class BandView(NamedTuple):
    """The hits of one band, in order; `number` is None where a reply explains nothing."""

    number: int | None
    hits: Sequence[HitView]
    best: float
    worst: float


class ResultView(NamedTuple):
    """What one query found. `notes` say what else became of its candidates."""

    query: str
    lang: str
    bands: Sequence[BandView]
    hits: Sequence[HitView]
    notes: Sequence[str]


def result_views(reply: SearchReply) -> list[ResultView]:
    """One view per query, in order."""
    return [_result(one) for one in reply.results]


def reply_notes(reply: SearchReply) -> list[str]:
    """What the filters of a request did."""
    counted = (
        (reply.excluded_passages, "excluded by the filters"),
        (reply.undated_kept, "kept although without the date asked for"),
    )
    return [f"{_count(number, 'passage')} {what}" for number, what in counted if number]


def text_lang(text: str) -> str:
    """The language to declare for a text whose language nobody told: "zh", or "" for unknown."""
    # Here and in highlight.py what brings an engine is imported late: importing an app should not.
    from ranking.weights import is_chinese

    return "zh" if is_chinese(text[:500]) else ""


def moved_words(places: int) -> str:
    """What authority did to a hit, in words."""
    if not places:
        return "not moved by authority"
    return f"moved {'up' if places > 0 else 'down'} {abs(places)} by authority"


def _result(result: QueryResult) -> ResultView:
    terms = query_terms(result.query)
    scale = Scale.of([hit.explanation for hit in result.hits if hit.explanation])
    hits = [_hit(hit, terms, scale) for hit in result.hits]
    bands = [_band(number, list(group)) for number, group in groupby(hits, lambda view: view.band)]
    return ResultView(result.query, text_lang(result.query), bands, hits, _notes(result))


def _notes(result: QueryResult) -> list[str]:
    counted = (
        (result.folded, "folded into hits with the same text"),
        (result.capped, "left out by the limits per page and source"),
        (result.omitted, "left out by the limit of tokens"),
    )
    first = f"{_count(len(result.hits), 'hit')} of {_count(result.candidates, 'candidate')}"
    return [first, *(f"{number:,} {what}" for number, what in counted if number)]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _band(number: int | None, hits: Sequence[HitView]) -> BandView:
    scores = [view.hit.score for view in hits]
    return BandView(number, hits, max(scores), min(scores))


def _hit(hit: Hit, terms: frozenset[str], scale: Scale) -> HitView:
    explanation = hit.explanation
    headings = [heading for heading in hit.heading_path if heading != hit.title]
    return HitView(
        hit=hit,
        title=highlight(hit.title or hit.url, terms),
        headings=[highlight(heading, terms) for heading in headings],
        text=highlight(hit.text, terms),
        scores=_score_rows(explanation, scale) if explanation else [],
        moved=explanation.authority_moved if explanation else 0,
        band=explanation.band if explanation else None,
    )


def _score_rows(explanation: Explanation, scale: Scale) -> list[ScoreRow]:
    scores = _normalised(explanation)
    shares = {name: scale.share(name, score) for name, score in scores.items()}
    rows = [
        ScoreRow(name, scores[name], arm.raw, arm.rank, shares[name])
        for name, arm in (("lexical", explanation.lexical), ("dense", explanation.dense))
    ]
    if explanation.reranker is not None:
        rows.append(ScoreRow("reranker", None, explanation.reranker, None))
    return [*rows, ScoreRow("fused", scores["fused"], None, None, shares["fused"])]


def _normalised(explanation: Explanation) -> dict[str, float]:
    arms = {"lexical": explanation.lexical.normalised, "dense": explanation.dense.normalised}
    return {**arms, "fused": explanation.fused}
