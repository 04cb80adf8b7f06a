"""The Public Suffix List: where one owner's names end and another's begin.

The snapshot bundled with tldextract is used, private section on; nothing is ever fetched or cached on disk.
"""

from functools import cache, lru_cache
from typing import NamedTuple

from tldextract import TLDExtract

HOST_CACHE_SIZE = 16_384


class HostParts(NamedTuple):
    """A host as the Public Suffix List sees it.

    `suffix` is the public suffix and "" for IP addresses, localhost and unknown top-level domains; `registrable`
    is the suffix with one label more, "" when the host is itself a suffix or has none; `registry_suffix` is the
    part of the suffix run by a registry: for `gov.cn.com`, under the private suffix `cn.com`, it is `com`.
    """

    suffix: str
    registrable: str
    registry_suffix: str
    private: bool


@lru_cache(maxsize=HOST_CACHE_SIZE)
def host_parts(host: str) -> HostParts:
    """Parts of a canonical host."""
    result = _extractor()(host)
    return HostParts(result.suffix, result.top_domain_under_public_suffix, result.registry_suffix, result.is_private)


@cache
def _extractor() -> TLDExtract:
    return TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)
