"""Blocks that a host repeats over its pages: they stay in the page text but go into no passage."""

from crawler.settings import PassageSettings
from index.catalog import Catalog

NONE: frozenset[int] = frozenset()


def repeated_by_host(catalog: Catalog, settings: PassageSettings) -> dict[str, frozenset[int]]:
    """Per host, the digests of blocks that stand on enough of its pages; hosts without any are left out."""
    return catalog.repeated_blocks(settings.boilerplate_pages, settings.boilerplate_share)


def repeated_on_page(by_host: dict[str, frozenset[int]], host: str, digests: tuple[int, ...]) -> frozenset[int]:
    """Those of a page's blocks that its host repeats. Only these bear on how the page is split."""
    return by_host.get(host, NONE).intersection(digests)
