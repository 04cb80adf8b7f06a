"""A hit's evidence as flat metadata, as retrieval frameworks keep it beside a text."""

from authority_search.models import Hit

Metadata = dict[str, str | int | float]


def metadata_of(hit: Hit) -> Metadata:
    """Where the passage stands, how far its source is trusted, and the dates its page carries; no key is ever null."""
    dates = {name: date.value for name, date in hit.dates if date is not None}
    return {
        "url": hit.url,
        "title": hit.title,
        "section": " > ".join(hit.heading_path),
        "source": hit.source.id,
        "source_name": hit.source.name,
        "tier": hit.source.tier,
        "authority": hit.source.authority,
        "language": hit.language,
        **dates,
        "passage_id": hit.passage_id,
        "rank": hit.rank,
        "score": hit.score,
    }
