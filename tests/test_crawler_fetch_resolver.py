"""The check of addresses where connections are opened, in a process that runs a reactor."""

import subprocess
import sys

import pytest
from misbehaving_web import misbehaving_web

ASK = """
import sys
from twisted.internet import reactor
from twisted.web.client import Agent
from crawler.addresses import PublicResolver

resolver = PublicResolver(reactor.nameResolver)
reactor.installNameResolver(resolver)
asked = Agent(reactor, connectTimeout=5).request(b"GET", sys.argv[1].encode())
asked.addCallbacks(lambda response: print("connected"), lambda failure: print(failure.type.__name__, *resolver.refused))
asked.addBoth(lambda _: reactor.stop())
reactor.run()
"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_no_connection_is_opened_to_a_private_address(host: str) -> None:
    with misbehaving_web() as site:
        url = site.url(host=host)
        done = subprocess.run([sys.executable, "-c", ASK, url], capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout.split() == ["DNSLookupError", host.strip("[]")]
        assert site.log == []
