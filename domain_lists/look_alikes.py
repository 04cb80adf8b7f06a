"""Names that imitate others: a restricted suffix inside a host, letters of two scripts, digits for letters."""

import unicodedata
from collections.abc import Collection, Iterator

import idna

from domain_lists.public_suffix import host_parts

# What many fonts draw alike. Letters with marks fall together with the bare ones by decomposition.
_PAIRS = {"rn": "m", "vv": "w"}
_LETTERS = str.maketrans(
    "01ıłøаеорсухіјѕԁԛԝһкмтвнοανικρτυ",  # Cyrillic and Greek from the sixth on
    "olilo" + "aeopcyxijsdqwhkmtbh" + "oavikptu",
)


def check_imitation(host: str, restricted: Collection[str]) -> Iterator[str]:
    """The first of the restricted suffixes that stands inside a host of someone else: `gov.cn.com`."""
    inner = f".{host.removesuffix('.' + host_parts(host).registry_suffix)}."
    for suffix in restricted:
        if f".{suffix}." in inner:
            owner = host_parts(host).registrable or host
            yield f"{host!r} looks like {suffix}, but belongs to whoever registered {owner!r}"
            return


def check_scripts(host: str) -> Iterator[str]:
    """Labels whose letters are of two scripts, other than the Chinese, Japanese and Korean ones together."""
    if "xn--" not in host:
        return  # a canonical host is ASCII
    for label in _unicode(host).split("."):
        scripts = {_script(letter) for letter in label if letter.isalpha()}
        if len(scripts) > 1:
            yield f"{host!r} mixes {' and '.join(sorted(scripts))} letters in {label!r}"


def skeleton(host: str) -> str:
    """What is left of a host when letters that are drawn alike are written alike."""
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", _unicode(host)) if not unicodedata.combining(mark))
    for drawn, letter in _PAIRS.items():
        bare = bare.replace(drawn, letter)
    return bare.translate(_LETTERS)


def _unicode(host: str) -> str:
    if "xn--" not in host:
        return host
    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host  # a label older than IDNA 2008


def _script(letter: str) -> str:
    script = unicodedata.name(letter, "UNKNOWN").partition(" ")[0]
    return "CJK" if script in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL") else script
