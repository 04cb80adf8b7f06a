"""Schemathesis over a real socket: the API is as it describes itself, and no bad request breaks it.

AUTHORITY_SEARCH_BAD_REQUESTS=10000 makes the search for such a request a long one, AUTHORITY_SEARCH_SEED=7 another
one.
"""

import copy
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from records import BANK, FORUM

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).parent / "schemathesis"
BAD_REQUESTS = int(os.environ.get("AUTHORITY_SEARCH_BAD_REQUESTS", "100"))
SEED = int(os.environ.get("AUTHORITY_SEARCH_SEED", "1"))
JSON = "application/json"
GOOD: dict[str, Any] = {
    "/batch_search": {
        "queries": ["policy rate", "利率"], "top_k": 2, "profile": "news", "languages": ["en"], "authority": "tie",
        "sources": {"include": [BANK], "exclude": [FORUM], "include_domains": [BANK], "exclude_domains": ["a.org/b"]},
        "dates": {"field": "published", "from": "2020-01-01", "to": "2024-12-31", "undated": "keep"},
        "max_tokens": 100, "max_per_page": 1, "max_per_source": 1, "explain": True,
    },
    "/batch_open": {"targets": [f"https://{BANK}/reserves"], "offset": 1, "max_tokens": 16, "neighbours": 1},
    "/retrieve": {"queries": ["policy rate"], "topk": 1, "return_scores": True},
    "/access": {"urls": [f"https://{BANK}/reserves"]},
    "/search": {
        "query": "policy rate", "search_depth": "advanced", "chunks_per_source": 2, "max_results": 2, "topic": "news",
        "time_range": "year", "days": 3, "start_date": "2020-01-01", "end_date": "2024-12-31", "language": "en",
        "include_domains": [BANK], "exclude_domains": [FORUM], "include_raw_content": "text", "exact_match": False,
        "filter_by_language": True, "include_usage": True, "include_domains_mode": "restrict",
    },
    "/extract": {"urls": [f"https://{BANK}/reserves"], "include_usage": True},
    "/mcp": {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "batch_web_surfer_search",
            "arguments": {"queries": ["policy rate"], "top_k": 1, "date_from": "2020-01-01", "sources": [BANK]},
        },
    },
}  # fmt: skip
# Lone surrogates included, which JSON can write.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=6,
)


def schemathesis(url: str, folder: Path, *options: str) -> str:
    """What schemathesis found, once it found no fault."""
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "schemathesis_checks",
        "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    command = [PROGRAM, "run", f"{url}/openapi.json", "--no-color", "--no-shrink", *options]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    return ended.stdout


def numbers(pattern: str, output: str) -> Sequence[int]:
    found = re.search(pattern, output)
    assert found, output
    return [int(number) for number in found.groups()]


def test_the_api_is_as_it_describes_itself(letter_service: str, tmp_path: Path) -> None:
    checks = ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    output = schemathesis(
        letter_service, tmp_path, *checks, "--max-examples", "15", "--seed", str(SEED), "--max-time", "15"
    )
    print(f"seed {SEED}")
    selected, total = numbers(r"Selected: (\d+)/(\d+)", output)
    assert selected == total == len(httpx.get(f"{letter_service}/openapi.json").json()["paths"])
    assert numbers(r"(\d+) generated", output)[0] >= total


def into(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each place of a JSON value: the object or list that holds it, and its key there."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from into(value[key])


@st.composite
def bad_requests(draw: st.DrawFn) -> tuple[str, bytes, str]:
    """Path, body and content type: a good request with one place spoilt, or no request at all."""
    path = draw(st.sampled_from(sorted(GOOD)))
    body, kind = copy.deepcopy(GOOD[path]), draw(st.sampled_from(["place", "place", "field", "cut", "value", "bytes"]))
    if kind == "bytes":
        return path, draw(st.binary(max_size=200)), draw(st.sampled_from([JSON, "text/plain", ""]))
    if kind == "value":
        body = draw(ANY_VALUE)
    elif kind == "field":
        body[draw(ANY_TEXT)] = draw(ANY_VALUE)
    elif kind == "place":
        holder, key = draw(st.sampled_from(list(into(body))))
        holder[key] = draw(ANY_VALUE)
    text = json.dumps(body)
    return path, text[: draw(st.integers(0, len(text) - 1)) if kind == "cut" else None].encode(), JSON


def test_bad_requests_are_refused_and_the_service_lives_on(letter_service: str) -> None:
    statuses: Counter[int] = Counter()
    with httpx.Client(base_url=letter_service, timeout=60) as client:

        @seed(SEED)
        @settings(
            # Some spoilt requests are good ones still.
            max_examples=BAD_REQUESTS * 3 // 2,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(bad_requests())
        def no_failure(request: tuple[str, bytes, str]) -> None:
            path, body, content_type = request
            headers = {"Content-Type": content_type, "Accept": f"{JSON}, text/event-stream"}
            reply = client.post(path, content=body, headers=headers)
            assert reply.status_code < 500, reply.text
            statuses[reply.status_code] += 1

        no_failure()
        print(f"seed {SEED}: {sum(statuses.values())} requests, by status {dict(statuses)}")
        assert sum(count for status, count in statuses.items() if status >= 400) >= BAD_REQUESTS
        assert client.get("/health").status_code == 200
        reply = client.post("/batch_search", json={"queries": ["policy rate"]})
        assert reply.json()["results"][0]["status"] == "ok"
