"""From text to index terms, for every language alike.

Words are lower-cased (Unicode NFKC and case folding) and stemmed as English; stemming leaves other scripts
alone. Han and Kana runs become character unigrams and bigrams: on Chinese sets this matches or beats
segmented words and indexes several times faster. Runs are cut here because tantivy's own tokenizers give
either unigrams or bigrams of everything; its filters do the rest.
"""

import re
import unicodedata

import tantivy

ANALYZER = "authority"
_MAX_TERM = 64

# With 々 and 〇, which stand inside words and years.
CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_RUN = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+")
_FIRST_CJK = "\u3005"


def spaced_terms(text: str) -> str:
    """The unstemmed terms of `text`, in order, parted by single spaces: what the index is given."""
    terms: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if run[0] >= _FIRST_CJK and re.match(rf"[{CJK}]", run):
            terms.extend(run)
            terms.extend(run[i : i + 2] for i in range(len(run) - 1))
        else:
            terms.append(run)
    return " ".join(terms)


def build_analyzer() -> tantivy.TextAnalyzer:
    """The tantivy half: spaces part terms, overlong ones are dropped, English stems."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
        .filter(tantivy.Filter.remove_long(_MAX_TERM))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )
