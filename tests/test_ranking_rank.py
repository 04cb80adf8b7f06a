import dataclasses
import math
import random
from typing import Any

import numpy as np
import pytest

from ranking.candidates import ArmScores, Authority, Candidates, Fusion, Policy, Ranking
from ranking.rank import rank

NAN = math.nan


def policy(authority: Authority = "tie", **others: Any) -> Policy:
    defaults = {
        "fusion": "z_score", "dense_weight": 0.5, "cosine_span": 0.2, "band_width": 0.1, "boost_weight": 0.5,
        "max_per_page": None, "max_per_source": None,
    }  # fmt: skip
    return Policy(authority=authority, **(defaults | others))


def ranks(raw: list[float]) -> list[int]:
    """Ranks of what was returned, 0 for NaN."""
    order = sorted((i for i, score in enumerate(raw) if not math.isnan(score)), key=lambda i: -raw[i])
    return [order.index(i) + 1 if i in order else 0 for i in range(len(raw))]


def candidates(
    lexical: list[float],
    dense: list[float] | None = None,
    authority: list[float] | None = None,
    ids: str | list[str] | None = None,
    texts: list[int] | None = None,
    pages: list[int] | None = None,
    sources: list[int] | None = None,
) -> Candidates:
    n = len(lexical)
    dense = [NAN] * n if dense is None else dense
    return Candidates(
        ids=np.array(list(ids or "abcdefghijklmnopqrstuvwxyz"[:n]), np.bytes_),
        lexical=ArmScores(np.array(lexical, np.float64), np.array(ranks(lexical), np.int64)),
        dense=ArmScores(np.array(dense, np.float64), np.array(ranks(dense), np.int64)),
        authority=np.array(authority or [0.5] * n, np.float64),
        page=np.array(pages or range(n), np.int64),
        source=np.array(sources or range(n), np.int64),
        text_hash=np.array(texts or range(n), np.uint64),
        tokens=np.full(n, 100),
        lexical_floor=0.0,
        lexical_ceiling=8.0,
    )


def shuffled(given: Candidates, seed: int) -> Candidates:
    order = random.Random(seed).sample(range(len(given.ids)), len(given.ids))
    return dataclasses.replace(
        given,
        ids=given.ids[order],
        lexical=ArmScores(given.lexical.raw[order], given.lexical.rank[order]),
        dense=ArmScores(given.dense.raw[order], given.dense.rank[order]),
        authority=given.authority[order],
        page=given.page[order],
        source=given.source[order],
        text_hash=given.text_hash[order],
    )


def random_candidates(seed: int, n: int = 60) -> Candidates:
    """Scores from a coarse grid, so that there are many ties; some texts twice; few pages and sources."""
    dice = random.Random(seed)
    sources = [dice.randrange(5) for _ in range(n)]
    return candidates(
        [dice.choice([NAN, 1.0, 2.0, 3.0, 4.0]) for _ in range(n)],
        [dice.choice([NAN, 0.7, 0.75, 0.8, 0.85]) for _ in range(n)],
        [0.3 + source * 0.1 for source in sources],
        [f"{dice.getrandbits(64):016x}" for _ in range(n)],
        [dice.randrange(45) for _ in range(n)],
        [source * 3 + dice.randrange(3) for source in sources],
        sources,
    )


FUSIONS: list[Fusion] = ["calibrated", "z_score", "min_max", "reciprocal_rank"]


def order_of(given: Candidates, ranking: Ranking) -> str:
    return "".join(given.ids[hit.at].decode() for hit in ranking.hits)


def test_both_arms_are_normalised_and_weighed() -> None:
    # Lexical 2, 4, 6 and cosines .9, .8, .7 are the z-scores -1.2247, 0, 1.2247 and 1.2247, 0, -1.2247.
    given = candidates([2, 4, 6], [0.9, 0.8, 0.7])
    z = 2 / math.sqrt(8 / 3)
    ranking = rank(given, policy("off", dense_weight=0.75))
    assert order_of(given, ranking) == "abc"
    assert [hit.lexical for hit in ranking.hits] == pytest.approx([-z, 0, z])
    assert [hit.dense for hit in ranking.hits] == pytest.approx([z, 0, -z])
    assert [hit.fused for hit in ranking.hits] == pytest.approx([0.5 * z, 0, -0.5 * z])


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_an_arm_that_returned_nothing_has_no_vote(weight: float) -> None:
    for given in (candidates([1, 3]), candidates([NAN, NAN], [0.7, 0.9])):
        hits = rank(given, policy("off", dense_weight=weight)).hits
        assert [hit.at for hit in hits] == [1, 0]
        assert [hit.fused for hit in hits] == pytest.approx([1, -1])


def test_nothing_ranks_to_nothing() -> None:
    assert rank(candidates([]), policy()) == Ranking([], 0, 0)


def test_authority_decides_inside_a_band_only() -> None:
    # Lexical z-scores of 10, 9.9, 1: 0.7189, 0.6953, -1.4142: a and b are comparable, c is not.
    given = candidates([10, 9.9, 1], authority=[0.4, 0.6, 1.0])
    assert order_of(given, rank(given, policy("off"))) == "abc"
    tie = rank(given, policy("tie"))
    assert order_of(given, tie) == "bac"
    assert [hit.band for hit in tie.hits] == [0, 0, 1]
    assert [hit.rank_without_authority for hit in tie.hits] == [2, 1, 3]
    assert [hit.authority_moved for hit in tie.hits] == [1, -1, 0]


def test_boost_adds_authority_to_the_score() -> None:
    # z-scores of 3, 1 are 1 and -1; half a point of authority at weight 6 adds 1.5 and takes 1.5.
    given = candidates([3, 1], authority=[0.25, 0.75])
    boosted = rank(given, policy("boost", boost_weight=6))
    assert order_of(given, boosted) == "ba"
    assert [hit.fused for hit in boosted.hits] == pytest.approx([0.5, -0.5])
    assert [hit.authority_moved for hit in boosted.hits] == [1, -1]
    assert order_of(given, rank(given, policy("boost", boost_weight=3))) == "ab"


def test_equal_hits_order_by_passage_id() -> None:
    given = candidates([5, 5, 5, 5], ids="dbca")
    for mode in ("off", "tie", "boost"):
        assert order_of(given, rank(given, policy(mode))) == "abcd"


def test_inside_a_band_equal_authority_leaves_the_better_score_first() -> None:
    given = candidates([9.9, 10, 1], ids="abc", authority=[0.5, 0.5, 0.5])
    assert order_of(given, rank(given, policy("tie"))) == "bac"


@pytest.mark.parametrize(("mode", "leader"), [("tie", 2), ("boost", 2), ("off", 0)])
def test_equal_texts_fold_into_the_most_trusted_copy_or_without_authority_the_best(
    mode: Authority, leader: int
) -> None:
    given = candidates([9, 1, 4, 3], authority=[0.3, 0.5, 0.9, 0.4], texts=[7, 8, 7, 7])
    ranking = rank(given, policy(mode, boost_weight=0.0))
    hit = ranking.hits[0]
    assert (hit.at, ranking.folded, len(ranking.hits)) == (leader, 2, 2)
    assert set(hit.same_text) == {0, 2, 3} - {leader}
    # The group keeps the place of its best copy.
    assert hit.fused == pytest.approx((9 - 4.25) / np.std([9, 1, 4, 3]))


def test_copies_are_listed_in_the_order_they_were_preferred() -> None:
    given = candidates([9, 8, 7, 1], authority=[0.3, 0.9, 0.5, 0.5], texts=[7, 7, 7, 1])
    assert rank(given, policy("tie")).hits[0].same_text == (2, 0)
    assert rank(given, policy("off")).hits[0].same_text == (1, 2)


def test_caps_count_from_the_top_and_are_reported() -> None:
    given = candidates([9, 7, 5, 3], pages=[1, 1, 1, 2], sources=[4, 4, 4, 5])
    ranking = rank(given, policy(max_per_page=1))
    assert order_of(given, ranking) == "ad"
    assert ranking.capped == 2
    ranking = rank(given, policy(max_per_source=2))
    assert (order_of(given, ranking), ranking.capped) == ("abd", 1)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("mode", ["off", "tie", "boost"])
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_input_does_not_matter(fusion: Fusion, mode: Authority, seed: int) -> None:
    given, wanted = random_candidates(seed), policy(mode, fusion=fusion, max_per_page=2)

    def named(one: Candidates) -> tuple[list[tuple[Any, ...]], int, int]:
        ranking = rank(one, wanted)
        rows = [(one.ids[hit.at], *hit[1:-1], tuple(one.ids[at] for at in hit.same_text)) for hit in ranking.hits]
        return rows, ranking.folded, ranking.capped

    for shuffle in range(5):
        assert named(shuffled(given, shuffle)) == named(given)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("seed", range(5))
def test_in_tie_no_hit_is_lifted_across_a_band(fusion: Fusion, seed: int) -> None:
    given = random_candidates(seed)
    tie, off = (rank(given, policy(mode, fusion=fusion)) for mode in ("tie", "off"))
    assert [hit.band for hit in tie.hits] == sorted(hit.band for hit in tie.hits)
    fall = off.hits[0].fused - off.hits[9].fused
    width = max(0.1 * fall, 0.005) + 1e-12
    # Each band holds the same texts as without authority, so a hit moves among its equals only.
    for band in {hit.band for hit in tie.hits}:
        inside, plain = ({given.text_hash[hit.at] for hit in one.hits if hit.band == band} for one in (tie, off))
        assert inside == plain
        best = max(hit.fused for hit in tie.hits if hit.band == band)
        assert all(best - hit.fused <= width for hit in tie.hits if hit.band == band)


@pytest.mark.parametrize("seed", range(5))
def test_without_authority_hits_order_by_score_and_id_and_nothing_moves(seed: int) -> None:
    given = random_candidates(seed)
    hits = rank(given, policy("off")).hits
    assert [hit.at for hit in hits] == [hit.at for hit in sorted(hits, key=lambda h: (-h.fused, given.ids[h.at]))]
    assert all(hit.authority_moved == 0 for hit in hits)
    equal = dataclasses.replace(given, authority=np.full(len(given.ids), 0.5))
    assert [hit.at for hit in rank(equal, policy("boost")).hits] == [hit.at for hit in hits]


@pytest.mark.parametrize("seed", range(5))
def test_every_candidate_is_a_hit_or_folded_or_capped(seed: int) -> None:
    given = random_candidates(seed)
    ranking = rank(given, policy(max_per_source=3))
    assert len(ranking.hits) + ranking.folded + ranking.capped == len(given.ids)
    assert sum(1 + len(hit.same_text) for hit in rank(given, policy()).hits) == len(given.ids)
