"""Which passages carry the same text: equal ones, and near-duplicates that stand on different hosts.

Candidates come from MinHash with banding (Broder 1997; Leskovec, Rajaraman and Ullman, "Mining of Massive
Datasets", chapter 3), and each pair is then compared itself (`index.likeness`): signatures only propose.

Near-duplicates on one host are left apart. Reference works are full of passages that differ in one word and
mean another thing (`createdb`, `dropdb`), and whoever keeps both on a host says so; on two hosts, nobody
comes to so many equal words by chance. Hence a group holds at most one text of a host.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from index.columns import Columns
from index.likeness import LEAST_RESEMBLANCE, Outline, facts, outline, resemblance, shingles, text_hash, words
from index.progress import Progress, silent

# Sixteen bands of five find a pair of resemblance .8 with probability .998 and one of .9 with .9999999.
_BANDS, _BAND_ROWS = 16, 5
_SEED = 1
_BATCH = 8192
# Bounds the work where very many texts share a band: each is paired with so many that follow.
_MOST_NEIGHBOURS = 200
_OUTLINES_KEPT = 16_384

Hashes = NDArray[np.uint64]
Pair = tuple[int, int]
Pairs = NDArray[np.int64]
"""Pairs of rows, the lower first and in order, shape [n, 2]."""

FINGERPRINT_SIZE = 1 + _BANDS
"""Numbers of a text's fingerprint: its hash, and a key for each band of its signature."""


def fingerprints(texts: Sequence[str]) -> Hashes:
    """What copies are found by, shape [n, FINGERPRINT_SIZE]."""
    return np.hstack([text_hashes(texts), _band_keys(texts)])


def text_hashes(texts: Sequence[str]) -> Hashes:
    """The first column of `fingerprints` alone, shape [n, 1]: enough where all texts stand on one host."""
    return np.array([text_hash(text) for text in texts], np.uint64).reshape(-1, 1)


def find_copies(columns: Columns, read: Hashes, progress: Progress = silent) -> Hashes:
    """A hash for each row, shape [n], equal for rows that carry the same text. `read` are the rows' fingerprints.

    It is the hash of the row's own text, or that of the first row of its group of near-duplicates. Any two
    texts of a group resemble each other, so there are no chains; the most alike are joined first.
    """
    hashes, bands = read[:, 0].copy(), read[:, 1:]
    hosts = _hosts(columns)
    first = np.sort(np.unique(hashes, return_index=True)[1])
    alike = _alike(columns, _apart(_proposed(bands, first, hosts), hashes, hosts), progress)
    leader_of = {int(hashes[row]): int(hashes[leader]) for row, leader in _leaders(alike).items()}
    return _replaced(hashes, leader_of)


def _hosts(columns: Columns) -> NDArray[np.int64]:
    """The number of the host of each row."""
    numbers: dict[str, int] = {}
    hosts = (columns.url(page).split("/", 3)[2] for page in range(columns.page_count))
    by_page = [numbers.setdefault(host, len(numbers)) for host in hosts]
    return np.array(by_page, np.int64)[columns.page_numbers(np.arange(len(columns)))]


def _band_keys(texts: Sequence[str]) -> Hashes:
    """A key for each band of a text's signature. Texts with other facts have other keys: they are never the same."""
    found = [words(text) for text in texts]
    matrix = RMinHash.digest_matrix_from_token_sets([shingles(one) for one in found], _BANDS * _BAND_ROWS, _SEED)
    signatures = np.array(matrix.to_rows(), np.uint64).reshape(len(texts), _BANDS, _BAND_ROWS)
    keys = np.repeat(text_hashes([" ".join(facts(one)) for one in found]), _BANDS, axis=1)
    for row in range(_BAND_ROWS):
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + signatures[:, :, row]
    return keys


def _proposed(bands: Hashes, first: NDArray[np.int64], hosts: NDArray[np.int64]) -> Pairs:
    """Pairs of rows that share a band and stand on different hosts. `first` has a row per text, in order."""
    found = [np.empty(0, np.int64)]
    for number in range(bands.shape[1]):
        band = bands[first, number]
        order = np.argsort(band, kind="stable")
        band = band[order]
        at = np.arange(len(band))
        for step in range(1, _MOST_NEIGHBOURS + 1):
            # Only what had the same band as the neighbour before can have it as this one.
            at = at[at + step < len(band)]
            at = at[band[at + step] == band[at]]
            one, other = first[order[at]], first[order[at + step]]
            apart = hosts[one] != hosts[other]
            # As one number each, which sorts fast.
            found.append(one[apart] * len(hosts) + other[apart])
            if not len(at):
                break
    numbers = np.unique(np.concatenate(found))
    return np.stack((numbers // max(1, len(hosts)), numbers % max(1, len(hosts))), axis=1)


def _apart(pairs: Pairs, hashes: Hashes, hosts: NDArray[np.int64]) -> Pairs:
    """The pairs whose texts have no host in common, all rows of each text considered."""
    involved = hashes[np.unique(pairs)]
    standing: dict[int, set[int]] = defaultdict(set)
    for row in np.flatnonzero(np.isin(hashes, involved)).tolist():
        standing[int(hashes[row])].add(int(hosts[row]))
    apart = [standing[one].isdisjoint(standing[other]) for one, other in hashes[pairs].tolist()]
    return pairs[np.array(apart, np.bool_)]


def _alike(columns: Columns, pairs: Pairs, progress: Progress) -> dict[Pair, float]:
    """The resemblance of the pairs that are near-duplicates."""

    @lru_cache(_OUTLINES_KEPT)
    def outlined(row: int) -> Outline:
        return outline(next(columns.texts([row])))

    found: dict[Pair, float] = {}
    for done, (one, other) in enumerate(map(tuple, pairs.tolist())):
        alike = resemblance(outlined(one), outlined(other))
        if alike >= LEAST_RESEMBLANCE:
            found[one, other] = alike
        if not done % _BATCH:
            progress("compare", done, len(pairs))
    progress("compare", len(pairs), len(pairs))
    return found


def _leaders(alike: dict[Pair, float]) -> dict[int, int]:
    """The first row of its group for each row in a pair. Complete linkage, closest pairs first, then by row."""
    group: dict[int, list[int]] = {}
    for a, b in sorted(alike, key=lambda pair: (-alike[pair], pair)):
        one, other = group.setdefault(a, [a]), group.setdefault(b, [b])
        if one is not other and all((min(x, y), max(x, y)) in alike for x in one for y in other):
            one.extend(other)
            group.update((row, one) for row in other)
    return {row: min(rows) for row, rows in group.items()}


def _replaced(hashes: Hashes, leader_of: dict[int, int]) -> Hashes:
    result = hashes.copy()
    for row in np.flatnonzero(np.isin(hashes, np.array(list(leader_of), np.uint64))).tolist():
        result[row] = leader_of[int(hashes[row])]
    return result
