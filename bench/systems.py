"""The systems that are compared: what answers, and with which settings of ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

from pydantic import ValidationError

from authority_search.models import Authority
from bench.errors import InvalidSystem
from ranking.settings import RankingSettings

Way = Literal["lexical", "dense", "hybrid", "hybrid+tie", "hybrid+boost", "hybrid+rerank", "bm25s", "flat-dense"]
WAYS: tuple[Way, ...] = get_args(Way)
PEERS: tuple[Way, ...] = ("bm25s", "flat-dense")
LEXICAL: tuple[Way, ...] = ("lexical", "bm25s")
RERANKED: Way = "hybrid+rerank"
DEFAULT: tuple[Way, ...] = ("lexical", "dense", "hybrid")
AUTHORITY: dict[Way, Authority] = {
    "hybrid": "off",
    "hybrid+tie": "tie",
    "hybrid+boost": "boost",
    "hybrid+rerank": "off",
}

_PREFIX = "ranking."
_FORM = 'write "NAME: WAY ranking.SETTING=VALUE ...", such as "narrow: hybrid+tie ranking.band_width=0.05"'


@dataclass(frozen=True, slots=True)
class System:
    """A name for the tables, what answers, and the settings of ranking it answers with."""

    name: str
    way: Way
    settings: RankingSettings

    def ranking(self) -> dict[str, object]:
        """The settings of ranking by name; a peer has none."""
        return {} if self.way in PEERS else self.settings.model_dump(mode="json")


def parse_systems(written: Sequence[str], settings: RankingSettings) -> list[System]:
    """Systems as the command line names them, over the settings in force. Raises InvalidSystem."""
    systems = [_parse(text, settings) for text in written]
    names = [system.name for system in systems]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidSystem(f'two systems are named {twice[0]!r}; give one another name: "NAME: {twice[0]}"')
    return systems


def _parse(text: str, settings: RankingSettings) -> System:
    head, colon, rest = text.partition(":")
    words = (rest if colon else head).split()
    name = " ".join(head.split()) if colon else " ".join(words)
    if not words or not name:
        raise InvalidSystem(f"{text!r} names no system; {_FORM}")
    way = next((one for one in WAYS if one == words[0]), None)
    if way is None:
        raise InvalidSystem(f"{text!r}: there is no {words[0]!r}; there are: {', '.join(WAYS)}; {_FORM}")
    if way in PEERS and words[1:]:
        raise InvalidSystem(f"{text!r}: the peer {way} takes no settings of ranking")
    return System(name, way, _overridden(text, dict(map(_setting, words[1:])), settings))


def _setting(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.startswith(_PREFIX):
        raise InvalidSystem(f"{word!r} is no setting of ranking; {_FORM}")
    setting = name.removeprefix(_PREFIX)
    if setting not in RankingSettings.model_fields:
        close = get_close_matches(setting, RankingSettings.model_fields, n=1)
        known = ", ".join(_PREFIX + one for one in RankingSettings.model_fields)
        raise InvalidSystem(
            f"there is no setting {name}; " + (f"did you mean {_PREFIX}{close[0]}?" if close else known)
        )
    return setting, value


def _overridden(text: str, changes: dict[str, str], settings: RankingSettings) -> RankingSettings:
    try:
        return RankingSettings.model_validate(settings.model_dump() | changes)
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(map(str, problem["loc"]))
        raise InvalidSystem(f"{text!r}: {_PREFIX}{name} cannot be {problem['input']!r}: {problem['msg']}") from error
