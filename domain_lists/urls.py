"""URLs in one canonical form, so that equal addresses compare equal and look-alikes do not."""

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

import idna

from domain_lists.errors import InvalidUrl

MAX_URL_CHARS = 8192
MAX_HOST_CHARS = 253
DEFAULT_PORTS = {"http": 80, "https": 443}
TRACKING_PARAMETERS = frozenset(
    {"dclid", "fbclid", "gbraid", "gclid", "igshid", "mc_cid", "mc_eid", "msclkid", "twclid", "wbraid", "yclid"}
)

SESSION_PARAMETERS = frozenset(
    {"cfid", "cftoken", "jsessionid", "phpsessid", "sessionid", "session_id", "oscsid", "zenid"}
)
_SESSION_NAME = re.compile(r"aspsessionid[a-z]*|sid|sessid")
_SESSION_VALUE = re.compile(r"(?=[a-z-]*\d)[0-9a-z-]{20,}", re.IGNORECASE)
_SESSION_IN_PATH = re.compile(
    r";(?:jsessionid|phpsessid|sid)=[^/;]*|(?<=/)\((?:[A-Z]\([0-9a-z]{20,}\))+\)/", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Underscores are no host names by RFC 952, yet they are in use; xn-- labels must decode, so idna judges them.
_ASCII_LABEL = re.compile(r"(?!xn--)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_BRACKETED = re.compile(r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\](?::[0-9]*)?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = "%/:@!$&'()*+,;="
_QUERY_SAFE = _PATH_SAFE + "?"


class UrlParts(NamedTuple):
    """A canonical URL in parts. `port` is None for the scheme's default; `path` begins with "/"; IPv6 hosts keep []."""

    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    def url(self) -> str:
        """The parts as one string."""
        port = "" if self.port is None else f":{self.port}"
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.host}{port}{self.path}{query}"


def canonical_url(url: str) -> str:
    """The one spelling of `url` under which it is stored; canonical input comes back unchanged.

    Lower case scheme and IDNA (UTS 46) host, no default port, trailing dot, fragment, tracking parameter or session
    id; dot segments resolved (RFC 3986, 5.2.4), percent-encoding normalised (6.2.2), an empty path is "/".
    Raises InvalidUrl for userinfo, other schemes, relative URLs, control characters and bad hosts or ports.
    """
    return parse_url(url).url()


def host_of(url: str) -> str:
    """The canonical host of `url` without port; an IPv6 address stands in brackets. Raises InvalidUrl."""
    return parse_url(url).host


@lru_cache(maxsize=4096)
def parse_url(url: str) -> UrlParts:
    """The canonical parts of `url`, by the rules of `canonical_url`. Raises InvalidUrl."""
    parts = _split(url)
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidUrl(url, "the port is not a number up to 65535") from error
    try:
        host = normalise_host(parts.hostname or "")
    except ValueError as error:
        raise InvalidUrl(url, str(error)) from error
    canonical = UrlParts(
        scheme=parts.scheme,
        host=host,
        port=None if port == DEFAULT_PORTS[parts.scheme] else port,
        path=_resolve_dots(_SESSION_IN_PATH.sub("", _normalise_escapes(parts.path, _PATH_SAFE))),
        query=_without_tracking(_normalise_escapes(parts.query, _QUERY_SAFE)),
    )
    if len(canonical.url()) > MAX_URL_CHARS:
        raise InvalidUrl(url, f"longer than {MAX_URL_CHARS} characters once encoded")
    return canonical


def normalise_host(host: str) -> str:
    """The host in lower case ASCII without a trailing dot. Raises ValueError saying what is wrong with it."""
    if "[" in host or ":" in host:
        return _ipv6(host.removeprefix("[").removesuffix("]"))
    lowered = host.lower()
    name = lowered.removesuffix(".")
    if not name:
        raise ValueError("there is no host")
    if not _is_plain(name):
        try:
            name = idna.encode(lowered, uts46=True).decode("ascii").removesuffix(".")
        except UnicodeError as error:
            raise ValueError(f"the host {host!r} is not a valid domain name") from error
    if len(name) > MAX_HOST_CHARS:
        raise ValueError(f"the host is longer than {MAX_HOST_CHARS} characters")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _ipv4(name)
    return name


def _split(url: str) -> SplitResult:
    # urlsplit silently drops tabs and line breaks, so these are looked for first.
    if len(url) > MAX_URL_CHARS:
        raise InvalidUrl(url, f"longer than {MAX_URL_CHARS} characters")
    if _CONTROL.search(url):
        raise InvalidUrl(url, "it contains a control character")
    if _SURROGATE.search(url):
        raise InvalidUrl(url, "it contains a lone surrogate")
    try:
        parts = urlsplit(url.strip(" "))
    except ValueError as error:
        raise InvalidUrl(url, "the host is malformed") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidUrl(url, "it is not an absolute http or https URL")
    if "@" in parts.netloc:
        raise InvalidUrl(url, "user names and passwords in URLs are refused")
    if "[" in parts.netloc and not _BRACKETED.fullmatch(parts.netloc):
        raise InvalidUrl(url, "brackets may only enclose an IPv6 address")
    return parts


def _is_plain(host: str) -> bool:
    return all(_ASCII_LABEL.fullmatch(label) for label in host.split("."))


def _ipv4(host: str) -> str:
    # Browsers read 127.1, 0x7f.1 and 2130706433 as addresses too; only the common spelling is taken here.
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise ValueError(f"the host {host!r} ends in a number but is no IPv4 address in dotted form") from error


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError as error:
        raise ValueError(f"the host [{host}] is no IPv6 address") from error
    if address.scope_id is not None:
        raise ValueError("an IPv6 zone is refused")
    return f"[{address}]"


def _normalise_escapes(text: str, safe: str) -> str:
    return quote(_ESCAPE.sub(_normal_escape, _BARE_PERCENT.sub("%25", text)), safe=safe)


def _normal_escape(match: re.Match[str]) -> str:
    char = chr(int(match[0][1:], 16))
    return char if char in _UNRESERVED else match[0].upper()


def _resolve_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _without_tracking(query: str) -> str:
    return "&".join(field for field in query.split("&") if not _is_tracking(*field.partition("=")[::2]))


def _is_tracking(name: str, value: str) -> bool:
    name = name.lower()
    if name.startswith("utm_") or name in TRACKING_PARAMETERS or name in SESSION_PARAMETERS:
        return True
    # A short "sid" may be the number of a story; what is long and random is none.
    return bool(_SESSION_NAME.fullmatch(name) and _SESSION_VALUE.fullmatch(value))
