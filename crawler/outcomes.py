"""What an archived response says about its URL, its host, or as a robots.txt about others, for `index.visits`."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from crawler.archive import Response
from crawler.extract import Extracted, Skipped
from crawler.frontier import RETRIED
from crawler.pace import MAX_PAUSE, MAX_REST, retry_after
from crawler.robots import UNREACHABLE, robot_rules
from crawler.sitemaps import site_map
from domain_lists.errors import InvalidUrl
from domain_lists.source_list import SourceList
from domain_lists.urls import canonical_url, host_of
from index.records import Page
from index.visits import REDIRECTS, Fetch, HostRest, RobotsRead


def fetches_of(
    response: Response, result: Extracted | Skipped, pages: list[Page], sources: SourceList, max_bytes: int
) -> list[Fetch]:
    """The fetch that a response is, none where no source lists it, or where it is a robots.txt.

    `pages` ends with the page it was extracted to, if it was, under the URL that the catalogue has it by.
    """
    try:
        url = canonical_url(response.url)
    except InvalidUrl:
        return []
    source = sources.listed(url)
    if source is None or urlsplit(url).path == "/robots.txt":
        return []
    fetch = Fetch(
        url,
        source.id,
        response.status,
        response.fetched_at,
        outcome="page" if isinstance(result, Extracted) else result.reason,
        etag=response.header("ETag") or "",
        last_modified=response.header("Last-Modified") or "",
        hops=response.hops,
    )
    if isinstance(result, Extracted):
        return [fetch._replace(page=pages[-1].url, content_hash=pages[-1].content_hash())]
    is_map = response.status == 200 and result.reason == "not html" and site_map(response, max_bytes)
    return [fetch._replace(outcome="map") if is_map else fetch]


def robots_of(response: Response) -> list[RobotsRead]:
    """The robots.txt that a response is, none where it is no such file, or does not decide: a redirect, a failure."""
    try:
        parts = urlsplit(canonical_url(response.url))
    except InvalidUrl:
        return []
    if parts.path != "/robots.txt" or parts.query or response.status in REDIRECTS:
        return []
    rules = robot_rules(response.status, response.body)
    if rules is UNREACHABLE:
        return []
    return [RobotsRead(f"{parts.scheme}://{parts.netloc}", response.fetched_at, rules.allows)]


def rests_of(response: Response) -> list[HostRest]:
    """The patience that a response asks for, where it is more than a run waits."""
    if response.status not in RETRIED:
        return []
    at = datetime.fromisoformat(response.fetched_at)
    seconds = retry_after(response.header("Retry-After"), at)
    if seconds <= MAX_PAUSE:
        return []
    try:
        host = host_of(canonical_url(response.url))
    except InvalidUrl:
        return []
    until = at.astimezone(UTC) + timedelta(seconds=min(seconds, MAX_REST))
    return [HostRest(host, until.strftime("%Y-%m-%dT%H:%M:%SZ"))]
