"""Another wording of a passage by rule: its sentences in another order, some words exchanged for their equals.

Crude and always the same. It is made to test ranking, where two wordings of one content must count as comparable; it
is no text that anybody should read.
"""

import re
from itertools import pairwise

from index.sentences import sentence_ends

_ENGLISH = """
large=big small=little begin=start began=started show=demonstrate shows=demonstrates showed=demonstrated
because=since although=though however=nevertheless also=additionally many=numerous several=various often=frequently
important=significant use=employ uses=employs used=employed make=create makes=creates made=created get=obtain
give=provide gives=provides gave=provided help=assist helps=assists need=require needs=requires about=approximately
around=near while=whereas main=principal new=recent old=former whole=entire almost=nearly only=merely
during=throughout between=among before=prior after=following first=initial last=final high=elevated low=reduced
increase=rise decrease=decline found=discovered known=recognised called=named built=constructed wrote=authored
said=stated became=turned led=guided part=portion area=region people=persons year=annum different=distinct
common=usual
"""
_CHINESE = """
因为=由于 但是=然而 所以=因此 使用=采用 开始=起初 许多=很多 重要=主要 如果=倘若 并且=而且 认为=以为 获得=取得 建立=设立
成为=变成 包括=包含 目前=现在 大约=约莫 帮助=协助 提供=给予 发现=察觉 增加=增长 減少=降低 减少=降低 因為=由於 開始=起初
"""
_WORDS = dict(pair.split("=") for pair in _ENGLISH.split())
_CHARACTERS = dict(pair.split("=") for pair in _CHINESE.split())
_WORD = re.compile(r"[A-Za-z]+")
_CHINESE_WORD = re.compile("|".join(_CHARACTERS))


def paraphrase(text: str) -> str:
    """The sentences from the second on, then the first, with words exchanged; one sentence stays where it is."""
    cuts = [0, *sentence_ends(text), len(text)]
    sentences = [sentence for start, end in pairwise(cuts) if (sentence := text[start:end].strip())]
    joined = " ".join([*sentences[1:], *sentences[:1]])
    return _WORD.sub(_exchanged, _CHINESE_WORD.sub(lambda found: _CHARACTERS[found[0]], joined))


def _exchanged(found: re.Match[str]) -> str:
    word = found[0]
    other = _WORDS.get(word.lower(), word)
    return other.capitalize() if word[0].isupper() and other != word else other
