"""The SDK's own client against both transports: tools are listed, called, and refused in words a model can act on."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from http_server import CannedLive, CannedSearcher, service
from mcp import Client as McpClient
from mcp import StdioServerParameters
from mcp_types import CallToolResult, ListToolsResult
from records import BANK, FORUM, JOURNAL

from authority_search import Client
from authority_search._render import render_open, render_search
from authority_search.models import SourcesReply
from index.settings import EncoderSettings
from service.access.settings import AccessSettings
from service.adapters.mcp_sources import ListSources, list_sources
from service.cli.console import run_command
from service.cli.main import app

PROGRAM = Path(sys.executable).parent / "authority-search"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def talk(server: str | StdioServerParameters, conversation: Callable[[McpClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with McpClient(server) as client:
            return await conversation(client)

    return asyncio.run(run())


def call(server: str | StdioServerParameters, name: str, **arguments: Any) -> CallToolResult:
    result: CallToolResult = talk(server, lambda client: client.call_tool(name, arguments))
    return result


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert content.type == "text"
    return content.text


@pytest.fixture(scope="module")
def endpoint(letter_service: str) -> str:
    return f"{letter_service}/mcp"


def stdio(*arguments: str | Path, **environment: str) -> StdioServerParameters:
    kept = {name: os.environ[name] for name in ("PYTHONPATH", "HF_HUB_OFFLINE") if name in os.environ}
    return StdioServerParameters(command=str(PROGRAM), args=[*map(str, arguments)], env={**kept, **environment})


def test_three_tools_are_listed_with_valid_schemas(endpoint: str) -> None:
    listed: ListToolsResult = talk(endpoint, lambda client: client.list_tools())
    assert [tool.name for tool in listed.tools] == ["batch_web_surfer_search", "batch_web_surfer_open", "list_sources"]
    for tool in listed.tools:
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
    search, read, _ = (tool.input_schema for tool in listed.tools)
    assert (search["required"], read["required"]) == (["queries"], ["targets"])
    assert read["properties"]["offset"]["description"].startswith("Tokens to skip")


def test_a_search_gives_text_to_cite_and_the_same_as_data(endpoint: str, letter_service: str) -> None:
    result = call(endpoint, "batch_web_surfer_search", queries=["policy rate", "麻疹疫苗"], top_k=2, sources=[BANK])
    with Client(letter_service) as client:
        direct = client.search(["policy rate", "麻疹疫苗"], top_k=2, explain=False, sources={"include": [BANK]})
    assert not result.is_error
    assert text_of(result) == render_search(direct)
    assert result.structured_content == direct.model_dump(mode="json")


def test_open_reads_on_around_a_passage(endpoint: str, letter_service: str) -> None:
    with Client(letter_service) as client:
        passage = client.search("policy rate", top_k=1).results[0].hits[0].passage_id
        direct = client.open(passage)
    result = call(endpoint, "batch_web_surfer_open", targets=[passage])
    assert text_of(result) == render_open(direct)
    assert result.structured_content == direct.model_dump(mode="json")


def test_sources_are_listed_a_readable_number_at_a_time(endpoint: str) -> None:
    everything = text_of(call(endpoint, "list_sources"))
    assert "news: News" in everything
    assert [line.partition(":")[0] for line in everything.splitlines()[-3:]] == [BANK, JOURNAL, FORUM]
    result = call(endpoint, "list_sources", contains="SCIENCE", limit=1)
    assert "## Sources (1 of 1)\njournal.example.org: Example Journal" in text_of(result)
    assert result.structured_content is not None
    assert [source["id"] for source in result.structured_content["sources"]] == [JOURNAL]


def test_a_list_that_is_cut_says_so() -> None:
    reply = CannedSearcher().sources()
    rows = [reply.sources[0].model_copy(update={"id": f"{letter}.org"}) for letter in "bac"]
    text, listing = list_sources(SourcesReply(snapshot="s", sources=rows, profiles={}), ListSources(limit=2))
    assert [source.id for source in listing.sources] == ["a.org", "b.org"]
    assert "## Sources (2 of 3)" in text
    assert text.endswith("(More sources match; name a narrower `contains`, or raise `limit`.)")


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("batch_web_surfer_search", {}, "queries: missing"),
        ("batch_web_surfer_search", {"queries": [""]}, "queries.0: the text is empty"),
        ("batch_web_surfer_search", {"queries": ["a"], "profile": "nope"}, "profile"),
        ("batch_web_surfer_search", {"queries": ["a"], "topk": 1}, "topk: no such parameter of search"),
        ("batch_web_surfer_search", {"queries": ["a"], "date_from": "2024"}, "date_from: a day is written YYYY-MM-DD"),
        ("batch_web_surfer_open", {"targets": ["a"], "offset": -1}, "offset: "),
        ("list_sources", {"limit": 0}, "limit: "),
        ("web_search", {}, "there is no such tool; there are batch_web_surfer_search"),
    ],
)
def test_a_mistake_of_a_model_comes_back_as_words(
    endpoint: str, name: str, arguments: dict[str, Any], said: str
) -> None:
    result = call(endpoint, name, **arguments)
    assert result.is_error
    assert text_of(result).startswith("Error: ")
    assert said in text_of(result)
    assert text_of(result).endswith("Correct the arguments and call again.")


def test_a_service_that_starts_or_fails_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(CannedSearcher):
        def sources(self) -> None:  # type: ignore[override]
            raise RuntimeError("secret detail")

    with service(CannedLive(searcher=None)) as url:
        told = text_of(call(f"{url}/mcp", "batch_web_surfer_search", queries=["a"]))
        assert "call again in a little while" in told
    with service(CannedLive(Broken())) as url:
        told = text_of(call(f"{url}/mcp", "list_sources"))
    assert "go on without this tool" in told
    assert "secret" not in told
    assert "secret detail" in caplog.text


def test_no_other_origin_and_no_other_name_reaches_it(endpoint: str) -> None:
    def initialize(**headers: str) -> int:
        return httpx.post(endpoint, json=INITIALIZE, headers={**ACCEPT, **headers}).status_code

    assert initialize() == 200
    assert initialize(Origin="http://localhost:3000") == 200
    assert initialize(Origin="https://evil.example.com") == 403
    assert initialize(Origin="null") == 403
    assert initialize(Host="evil.example.com") == 421
    assert initialize(Host="evil.example.com:8080", Origin="http://evil.example.com:8080") == 421
    with service(access=AccessSettings(host_names=("search.example.com",))) as url:
        endpoint = f"{url}/mcp"
        assert initialize(Host="search.example.com", Origin="https://search.example.com") == 200
        assert initialize(Host="search.example.com.evil.org") == 421


CALL = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": '
GARBAGE = [
    b"",
    b"null",
    b"[]",
    b"{",
    b"[" * 50_000,
    bytes(range(256)),
    CALL + b'{"name": 5, "arguments": [1]}}',
    CALL + b'{"name": "list_sources", "arguments": {"limit": 1e999}}}',
    b'{"jsonrpc": "2.0", "id": {"a": 1}, "method": "nope"}',
    b'{"jsonrpc": "2.0", "method": "notifications/nope"}',
]


@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28", "1999-01-01"])
def test_no_garbage_breaks_it(endpoint: str, version: str) -> None:
    headers = {**ACCEPT, "Content-Type": "application/json", "MCP-Protocol-Version": version}
    with httpx.Client() as client:
        statuses = [client.post(endpoint, content=body, headers=headers).status_code for body in GARBAGE]
    assert [status for status in statuses if status >= 500] == []


def test_there_is_no_stream_to_hold_open(endpoint: str) -> None:
    for method in ("GET", "DELETE"):
        reply = httpx.request(method, endpoint, headers=ACCEPT)
        assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_without_the_sdk_there_is_no_route_and_the_command_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # None in sys.modules is what Python itself treats as not installed.
    for name in ("mcp", "mcp.server.streamable_http_manager"):
        monkeypatch.setitem(sys.modules, name, None)
    with service() as url:
        assert httpx.post(f"{url}/mcp", json=INITIALIZE, headers=ACCEPT).status_code == 404
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: app(["mcp"], prog_name="authority-search"))
    assert ended.value.code == 1
    assert "pip install 'authority-search-server[mcp]'" in capsys.readouterr().err


def test_stdio_answers_for_a_running_service(letter_service: str, endpoint: str) -> None:
    over_stdio = call(stdio("mcp", "--url", letter_service), "batch_web_surfer_search", queries=["policy rate"])
    assert over_stdio.content == call(endpoint, "batch_web_surfer_search", queries=["policy rate"]).content


def test_stdio_answers_from_the_snapshot_here(small_data: Path, minilm_settings: EncoderSettings) -> None:
    variables = {
        f"AUTHORITY_SEARCH_ENCODER__{name.upper()}": str(getattr(minilm_settings, name))
        for name in ("model", "hub", "models_dir", "device", "precision")
    }
    result = call(
        stdio("--data-dir", small_data, "mcp", **variables), "batch_web_surfer_search", queries=["policy rate"], top_k=1
    )
    assert f"url: https://{BANK}/policy-rate" in text_of(result)


def test_stdio_says_why_it_cannot_begin(tmp_path: Path) -> None:
    command = [PROGRAM, "--data-dir", tmp_path / "nothing", "mcp"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "publish" in ended.stderr
