"""What a crawl did."""

from collections.abc import Mapping
from dataclasses import dataclass

from crawler.frontier import Failure, Frontier
from index.run_tallies import SourceTally


@dataclass(frozen=True, slots=True)
class FetchReport:
    """The outcome of `crawler.fetch.fetch`, for the whole run: what was replayed from the archive is counted in.

    `pages` HTML pages with status 200 by source, `bytes` of bodies decoded, `responses` by status, `refused` URLs by
    reason, `failures` URLs given up (the first 1,000), `seconds` of this call, `resumed` records replayed.
    `sources` is what came of the requests to each. `finished` is False where the crawl was stopped; the next `fetch`
    of the run goes on from there.
    """

    pages: Mapping[str, int]
    sources: Mapping[str, SourceTally]
    bytes: int
    responses: Mapping[int, int]
    refused: Mapping[str, int]
    failures: tuple[Failure, ...]
    seconds: float
    resumed: int
    finished: bool


def report_of(frontier: Frontier, seconds: float, resumed: int, finished: bool) -> FetchReport:
    """The tally of a frontier as a report."""
    return FetchReport(
        pages=dict(sorted(frontier.pages.items())),
        sources=frontier.tallies(),
        bytes=frontier.received_bytes,
        responses=dict(sorted(frontier.statuses.items())),
        refused={reason: count for reason, count in sorted(frontier.refused.items()) if count},
        failures=tuple(frontier.failures),
        seconds=round(seconds, 3),
        resumed=resumed,
        finished=finished,
    )
