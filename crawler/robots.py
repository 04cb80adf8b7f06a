"""What a robots.txt says, by RFC 9309."""

from typing import NamedTuple

from protego import Protego

from crawler.links import absolute_url

# The product token that sites can name in robots.txt, and the part of the file that must be read (RFC 9309, 2.5).
PRODUCT = "authority-search"
MAX_ROBOTS_BYTES = 512_000
TOO_MANY_REQUESTS = 429


class RobotRules(NamedTuple):
    """The rules of one origin. `rules` is None where no file decides; then `allowed` holds for all URLs."""

    rules: Protego | None
    allowed: bool

    def allows(self, url: str) -> bool:
        """Whether this crawler may fetch `url`."""
        return self.allowed if self.rules is None else bool(self.rules.can_fetch(url, PRODUCT))

    def crawl_delay(self) -> float:
        """Seconds between two requests that the site asks for; 0 where it does not."""
        return float(self.rules.crawl_delay(PRODUCT) or 0) if self.rules else 0.0


UNREACHABLE = RobotRules(None, allowed=False)


def robot_rules(status: int, body: bytes) -> RobotRules:
    """The rules that the answer to a request for robots.txt makes.

    No file (4xx) allows all (2.3.1.3); a server that fails (5xx), or asks for patience (429), forbids all
    (2.3.1.4) until a later run.
    """
    if status >= 500 or status == TOO_MANY_REQUESTS:
        return UNREACHABLE
    if not 200 <= status < 300:
        return RobotRules(None, allowed=True)
    return RobotRules(_parsed(body), allowed=True)


def sitemaps_of(url: str, body: bytes) -> list[str]:
    """The absolute addresses of the sitemaps that the robots.txt at `url` names."""
    return [address for named in _parsed(body).sitemaps if (address := absolute_url(url, named))]


def _parsed(body: bytes) -> Protego:
    return Protego.parse(body[:MAX_ROBOTS_BYTES].decode("utf-8-sig", errors="replace"))
