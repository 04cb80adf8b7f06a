"""Why a source, a restricted suffix or any URL has its score: each term with its value."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from domain_lists.build import to_score_rules
from domain_lists.errors import UnknownSource
from domain_lists.scores import Override, Score, ScoreRules, Term, score
from domain_lists.source_list import SourceList
from domain_lists.tables import Row, read_tables


class Explanation(NamedTuple):
    """A score and what it was made of.

    `terms` is empty where a list of one's own gives authority without saying why. `by_terms` is what the terms give;
    `override`, where there is one, is what people decided on instead. `caps` are further caps of a page that anyone
    may write: `score` is then below both. `rule` is how a URL matched, "" for a name that was given as it stands.
    """

    id: str
    name: str
    rule: str
    score: Score
    terms: tuple[Term, ...]
    by_terms: Score | None
    override: Override | None
    caps: tuple[Term, ...] = ()


class Explainer:
    """Explains scores of the bundled list and of further source files. Raises InvalidSourceList."""

    def __init__(self, extra_files: Sequence[Path] = ()) -> None:
        self._list = SourceList.load(extra_files)
        tables = read_tables(extra_files)
        self._rules: ScoreRules = to_score_rules(tables)
        self._sources = {row.cells["id"]: row for rows in tables.sources for row in rows}
        self._suffixes = {f"suffix:{row.cells['suffix']}": row for row in tables.suffixes}

    def explain(self, name: str) -> list[Explanation]:
        """The scores of a source id, a suffix (`gov.cn` or `suffix:gov.cn`), a host or a URL; often just one.

        A name that is both a source and a suffix has two. Raises UnknownSource for what is neither and matches nothing.
        """
        named = (self._sources.get(name), self._suffixes.get(f"suffix:{name.removeprefix('suffix:')}"))
        return [self._of_row(row) for row in named if row is not None] or [self._of_url(name)]

    def _of_row(self, row: Row) -> Explanation:
        cells = row.cells
        row_id = cells.get("id") or f"suffix:{cells['suffix']}"
        given = Score(int(cells["tier"]), float(cells["authority"]))
        terms = tuple(self._rules.named(cells["terms"])) if cells["terms"] else ()
        override = self._rules.overrides.get(row_id)
        if override and override.score != given:
            override = None  # a list of one's own has replaced the row
        return Explanation(row_id, cells["name"], "", given, terms, score(terms) if terms else None, override)

    def _of_url(self, text: str) -> Explanation:
        match = self._list.match(text if "://" in text else f"https://{text}/")
        if match is None:
            raise UnknownSource(text, self._sources.keys())
        explained = self._of_row(self._sources.get(match.source.id) or self._suffixes[match.source.id])
        rated = Score(match.source.tier, match.source.authority)
        return explained._replace(
            rule=match.rule, score=rated, caps=tuple(self._rules.terms[cap] for cap in match.caps)
        )
