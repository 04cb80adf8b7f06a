"""What authority costs and what it gives, by the width of the band.

The cost is an expectation: every passage gets a random authority, uniform between 0 and 1, so that hits of one band
come in random order, which is the worst a list of sources could do that knows nothing of the topic. What nDCG@10 then
loses against no authority is the harm; what the mean authority of the first five gains is what it is taken for.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from authority_search.models import SearchRequest
from bench.rankers import BATCH
from bench.records import Collection, Curve
from bench.view import Place, View
from index.encoders import Encoder
from index.progress import Progress, silent
from ranking.bands import band_width, bands
from ranking.candidates import Floats, Integers
from ranking.fusion import fuse
from ranking.settings import RankingSettings
from service.searcher import Searcher

WIDTHS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.2, 0.25, 0.3, 0.4)
LOSS_ALLOWED = 0.002
_CUT = 10
_TOP = 5


class JudgedQuery(NamedTuple):
    """A query's candidates, best first: values of shape [n], and the best DCG there can be."""

    rows: Integers
    relevance: Floats
    texts: NDArray[np.uint64]
    gains: Floats
    ideal: float


class Judged(NamedTuple):
    """A collection's queries, and how many passages it has."""

    queries: list[JudgedQuery]
    passages: int


class TradeOff(NamedTuple):
    """At one width: the mean loss of nDCG@10 and gain of authority@5, over the collections and for each.

    `deviation` is the standard deviation of the mean loss between the seeds.
    """

    width: float
    loss: float
    deviation: float
    gain: float
    losses: dict[str, float]


def judged_queries(
    collection: Collection, view: View, encoder: Encoder, settings: RankingSettings, progress: Progress = silent
) -> Judged:
    """Every judged query of a collection with the candidates that the product's searcher ranks."""
    searcher = Searcher(view.snapshot, encoder, settings)
    # Queries that read the same are answered once.
    keys = {text: key for key, text in reversed(collection.queries.items())}
    texts, found = list(keys), []
    for start in range(0, len(texts), BATCH):
        progress(f"{collection.name} candidates", start, len(texts))
        request = SearchRequest(queries=texts[start : start + BATCH], authority="off", max_per_page=None)
        for one in searcher.candidates(request):
            fused = fuse(one.candidates, one.policy).relevance
            order = np.lexsort((one.rows, -fused))
            names = view.documents(keys[one.query], [Place(int(row)) for row in one.rows[order]])
            judged = collection.qrels[keys[one.query]]
            gains = np.array([max(judged.get(name, 0), 0) for name in names], np.float64)
            best = sorted((gain for gain in judged.values() if gain > 0), reverse=True)
            found.append(
                JudgedQuery(
                    one.rows[order],
                    fused[order],
                    one.candidates.text_hash[order],
                    gains,
                    float(_dcg(np.array(best, np.float64))),
                )
            )
    progress(f"{collection.name} candidates", len(texts), len(texts))
    return Judged([one for one in found if one.ideal > 0], len(view.snapshot.columns))


def trade_offs(
    judged: dict[str, Judged], widths: Iterable[float] = WIDTHS, seeds: int = 20, progress: Progress = silent
) -> list[TradeOff]:
    """Loss and gain at each width, by mean over queries, then over collections, then over `seeds` assignments."""
    found = []
    widths = list(widths)
    authority = {
        name: np.random.default_rng(0).random((seeds, one.passages), np.float32) for name, one in judged.items()
    }
    for number, width in enumerate(widths):
        progress("random authority", number, len(widths))
        losses = {
            name: np.array([_changes(query, width, authority[name][:, query.rows]) for query in one.queries])
            for name, one in judged.items()
        }
        by_seed = np.mean([each[:, :, 0].mean(axis=0) for each in losses.values()], axis=0)
        gain = fmean(float(each[:, :, 1].mean()) for each in losses.values())
        each = {name: float(values[:, :, 0].mean()) for name, values in losses.items()}
        found.append(TradeOff(width, float(by_seed.mean()), float(by_seed.std()), gain, each))
    progress("random authority", len(widths), len(widths))
    return found


def widest(found: Sequence[TradeOff], allowed: float = LOSS_ALLOWED) -> float:
    """The widest band up to which the mean loss is allowed, on a straight line between two measured widths."""
    for before, after in pairwise(found):
        if after.loss > allowed:
            return before.width + (allowed - before.loss) / (after.loss - before.loss) * (after.width - before.width)
    return found[-1].width


def curves(found: Sequence[TradeOff], chosen: float) -> list[Curve]:
    """Loss and gain over the width, and loss for each collection."""
    marks = {"default": chosen}
    note = "Random authority for every passage; mean over queries, collections and seeds."
    return [
        Curve(
            "What a band costs and gives",
            "band width, as a share of the fall from the first hit to the tenth",
            "change against no authority",
            {
                "nDCG@10 lost": tuple((one.width, one.loss) for one in found),
                "authority@5 gained": tuple((one.width, one.gain) for one in found),
            },
            note,
            marks=marks,
        ),
        Curve(
            "nDCG@10 lost, by collection",
            "band width, as a share of the fall from the first hit to the tenth",
            "nDCG@10 lost",
            {name: tuple((one.width, one.losses[name]) for one in found) for name in found[0].losses},
            note,
            marks=marks,
        ),
    ]


def _changes(one: JudgedQuery, width: float, authority: NDArray[np.float32]) -> Floats:
    """nDCG@10 lost and authority@5 gained for each assignment of shape [seeds, n], shape [seeds, 2]."""
    if not len(one.relevance):
        return np.zeros((len(authority), 2))
    # Below 1, so that it decides inside a band alone; candidates are sorted by score, which equal authority leaves.
    band = bands(one.relevance, band_width(one.relevance, one.texts, width))
    order = np.argsort(band - authority, axis=1, kind="stable")
    lost = (_dcg(one.gains) - _dcg(one.gains[order])) / one.ideal
    gained = np.take_along_axis(authority, order[:, :_TOP], axis=1).mean(axis=1) - authority[:, :_TOP].mean(axis=1)
    return np.stack([lost, gained], axis=1)


def _dcg(gains: Floats) -> Floats:
    """DCG@10 along the last axis, with linear gain."""
    top = gains[..., :_CUT]
    total: Floats = (top / np.log2(np.arange(2, top.shape[-1] + 2))).sum(axis=-1)
    return total
