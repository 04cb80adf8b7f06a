"""How much the dense arm counts for a query."""

import re

from ranking.settings import RankingSettings

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA = re.compile("[\u3040-\u30ff]")


def is_chinese(query: str) -> bool:
    """Whether at least a third of the letters are Han and none is Kana."""
    han = len(_HAN.findall(query))
    # Most queries have none, and letters are counted one by one.
    return han > 0 and not _KANA.search(query) and han * 3 >= sum(character.isalpha() for character in query)


def dense_weight(query: str, settings: RankingSettings) -> float:
    """The dense arm's weight for this query: a Chinese one has more terms, and each passage a smaller share of them."""
    return settings.dense_weight_chinese if is_chinese(query) else settings.dense_weight
