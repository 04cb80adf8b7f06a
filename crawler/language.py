"""Which language a text is in: by its script where that decides, else by py3langid, else as its page says.

Chinese, Japanese and Korean are told by script, which is right on short and mixed passages too: a Chinese
paragraph full of English identifiers is Chinese, an English one that quotes a few characters is not.
"""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_WORD = re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]{2,}")
_TAG = re.compile(r"[a-zA-Z]{2}(?=$|[-_])")

# No other language has an eighth of its words from these; the identifier takes a thousand times longer.
_ENGLISH = re.compile(r"\b(?:the|of|and|to|that|with|this|for)\b")
_ENGLISH_SHARE = 1 / 8
_SAMPLE = 1000  # characters that are looked at
_ENOUGH_WORDS = 12  # below, the identifier guesses
_SURE = 0.7  # probability from which the identifier is believed; code and lists of names stay below


def language_of(text: str, default: str) -> str:
    """ISO 639-1 code of `text`; `default`, the language of its page or "", where the text itself does not tell."""
    sample = text[:_SAMPLE]
    words = len(_WORD.findall(sample))
    script = _script_language(sample, words)
    if script:
        return script
    if words < _ENOUGH_WORDS:
        return default
    if _ENGLISH_SHARE * words < len(_ENGLISH.findall(sample)):
        return "en"
    code, probability = _identifier().classify(sample)
    # Three-letter codes are rare languages that the identifier takes for code and for dialects.
    return code if probability >= _SURE and len(code) == 2 else default


def declared_language(tag: str | None) -> str:
    """The ISO 639-1 code of a language tag such as `zh-CN`, "" if it has none."""
    found = _TAG.match((tag or "").strip())
    return found.group().lower() if found else ""


def _script_language(sample: str, words: int) -> str:
    han, kana, hangul = (len(script.findall(sample)) for script in (_HAN, _KANA, _HANGUL))
    # Two characters make about one word; a third of the words is enough, since names and code stay Latin.
    if (han + kana + hangul) / 2 < max(1, words / 2):
        return ""
    if hangul > han + kana:
        return "ko"
    return "ja" if kana > 0.1 * (han + kana) else "zh"


@cache
def _identifier() -> LanguageIdentifier:
    # Loaded when first needed: it takes a second.
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
