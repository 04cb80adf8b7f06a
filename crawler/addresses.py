"""Which network addresses may be connected to: only those of the public internet.

The check is made on the addresses a connection is opened to, after the name was resolved, so that no name
can be made to point inwards between a check and the connection (DNS rebinding).
"""

import ipaddress
import logging
import re
import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface import implementer

logger = logging.getLogger(__name__)

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NUMERIC_HOST = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}", re.IGNORECASE)
# Networks whose last, or next, 32 bits are an IPv4 address that a gateway forwards to.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_public(address: IPAddress) -> bool:
    """Whether `address` lies in the public internet; an IPv4 address inside an IPv6 one is judged itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64_LOCAL or address.is_site_local:
            return False
        embedded = _embedded(address)
        if embedded is not None:
            return is_public(embedded)
    return address.is_global and not address.is_multicast and not address.is_reserved


def literal_address(host: str) -> IPAddress | None:
    """The address that `host` spells out, None where it is a name.

    IPv4 addresses in all the forms that resolvers take: `127.1`, `0x7f000001`, `0177.0.0.1`, `2130706433`.
    """
    bare = host.strip("[]").removesuffix(".").partition("%")[0]
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    if not _NUMERIC_HOST.fullmatch(bare):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(bare))
    except OSError:
        return None


def is_loopback_host(host: str) -> bool:
    """Whether `host` is this machine by its spelling alone."""
    address = literal_address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if address in _NAT64 or address in _IPV4_COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return None


@implementer(IHostnameResolver)
class PublicResolver:
    """A Twisted name resolver that passes on public addresses only. `refused` holds the hosts that had others."""

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver
        self.refused: set[str] = set()

    def resolveHostName(  # noqa: N802  # the name is Twisted's
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803  # likewise
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        """See `IHostnameResolver`."""
        receiver = _PublicOnly(resolutionReceiver, hostName, self.refused)
        resolution: IHostResolution = self._resolver.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )
        return resolution


@implementer(IResolutionReceiver)
class _PublicOnly:
    def __init__(self, receiver: Any, host: str, refused: set[str]) -> None:
        self._host = host
        self._refused = refused
        self._receiver = receiver
        self.resolutionBegan = receiver.resolutionBegan
        self.resolutionComplete = receiver.resolutionComplete

    def addressResolved(self, address: Any) -> None:  # noqa: N802  # the name is Twisted's
        if is_public(ipaddress.ip_address(address.host.partition("%")[0])):
            self._receiver.addressResolved(address)
        else:
            logger.warning("%s resolves to %s, which is no public address: not connected", self._host, address.host)
            self._refused.add(self._host)
