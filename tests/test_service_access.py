"""Who comes in: keys at rest, the door of a running service, quotas, and what a browser is told."""

import logging
import re
import stat
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from http_server import service

from service.access.door import require_safe
from service.access.keys import ApiKey, KeyFile, KeyRing, Scope
from service.access.quotas import Quotas
from service.access.settings import AccessSettings
from service.errors import Internal, InvalidRequest, InvalidSettings, NotFound, Overloaded

SEARCH = {"queries": ["a"]}
OPEN, CLOSED = AccessSettings(keys="off"), AccessSettings(keys="required")


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(text.encode()).decode()}"}


# At rest


def test_a_key_is_kept_as_a_digest_that_only_its_owner_reads(keys: KeyFile) -> None:
    key = keys.create("trainer", Scope, 600)
    text = keys.path.read_text()
    assert key not in text
    assert key.removeprefix("ask_") not in text
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    (kept,) = keys.keys()
    assert (kept.name, kept.scopes, kept.queries_per_minute) == ("trainer", ("search", "admin"), 600)


def test_keys_are_long_and_unlike(keys: KeyFile) -> None:
    made = {keys.create(f"k{number}") for number in range(20)}
    assert len(made) == 20
    # 32 bytes in base64: 43 characters of six bits.
    assert all(re.fullmatch(r"ask_[\w-]{43}", key) for key in made)


def test_a_name_that_is_taken_or_could_break_a_log_is_refused(keys: KeyFile) -> None:
    keys.create("a")
    for name in ("a", "", "two words", "line\nbreak", "x" * 65, "-x"):
        with pytest.raises(InvalidRequest):
            keys.create(name)
    assert len(keys.keys()) == 1
    with pytest.raises(NotFound, match="no key b"):
        keys.revoke("b")


@pytest.mark.parametrize("content", [b"", b"{}", b"[{}]", b'[{"name": 1}]', b"\xff"])
def test_a_damaged_file_lets_nobody_in_and_is_named(keys: KeyFile, content: bytes) -> None:
    ring, key = KeyRing(keys), keys.create("a")
    assert ring.find(key)
    keys.path.unlink()
    keys.path.write_bytes(content)
    assert ring.find(key) is None
    assert ring.in_use()
    with pytest.raises(Internal, match=r"keys\.json is no list of keys"):
        keys.create("b")


# At the door


def test_a_service_on_loopback_is_open_until_the_first_key_and_never_again(keys: KeyFile) -> None:
    with service(keys=keys) as url, httpx.Client(base_url=url) as http:
        assert http.post("/batch_search", json=SEARCH).status_code == 200
        key = keys.create("first")
        assert http.post("/batch_search", json=SEARCH).status_code == 401
        assert http.post("/batch_search", json=SEARCH, headers=bearer(key)).status_code == 200
        keys.revoke("first")
        assert http.post("/batch_search", json=SEARCH, headers=bearer(key)).status_code == 401
        assert http.post("/batch_search", json=SEARCH).status_code == 401


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str, str]]:
    """A service with a key of each scope: client, key of scope search, key of scope admin."""
    keys = KeyFile(tmp_path_factory.mktemp("guarded"))
    search, admin = keys.create("searcher"), keys.create("watcher", [Scope.ADMIN])
    with service(keys=keys) as url, httpx.Client(base_url=url) as http:
        yield http, search, admin


def test_each_way_to_send_a_key_opens(guarded: tuple[httpx.Client, str, str]) -> None:
    http, key, _ = guarded
    for headers in (bearer(key), {"Authorization": f"bearer  {key}"}, {"X-API-Key": key}, basic(f"anyone:{key}")):
        assert http.post("/batch_search", json=SEARCH, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer"}, bearer("ask_" + "A" * 43), {"X-API-Key": "x"}, basic("no colon"),
     {"Authorization": "Basic %%%"}, {"Authorization": "Digest x"}, {"X-API-Key": b"\xff"},
     {"Authorization": b"Bearer \xc3\xa9"}],
)  # fmt: skip
def test_nothing_else_opens_any_route(guarded: tuple[httpx.Client, str, str], headers: dict[str, str | bytes]) -> None:
    http, *_ = guarded
    for method, path in (("POST", "/batch_search"), ("GET", "/sources"), ("GET", "/docs"), ("GET", "/nope"),
                         ("GET", "/health/"), ("GET", "/metrics"), ("OPTIONS", "/batch_search")):  # fmt: skip
        reply = http.request(method, path, headers=headers)
        assert (reply.status_code, reply.json()["error_type"]) == (401, "access_denied")
        assert reply.headers["www-authenticate"].startswith("Bearer")
    assert http.get("/health").status_code == http.get("/ready").status_code == 200


def test_a_refusal_is_logged_without_the_key_and_tells_not_whether_it_was_one(
    keys: KeyFile, caplog: pytest.LogCaptureFixture
) -> None:
    revoked, never = keys.create("old"), "ask_" + "B" * 43
    keys.revoke("old")
    with service(keys=keys) as url, caplog.at_level(logging.WARNING):
        replies = [httpx.get(f"{url}/sources", headers=bearer(key)) for key in (revoked, never)]
    assert replies[0].json() == replies[1].json()
    for reply, key in zip(replies, (revoked, never), strict=True):
        (line,) = [one.getMessage() for one in caplog.records if reply.headers["x-request-id"] in one.getMessage()]
        assert line.startswith("401 for 127.0.0.1 to GET '/sources'")
        assert key not in caplog.text


def test_a_browser_is_asked_for_the_key_and_a_program_is_not(guarded: tuple[httpx.Client, str, str]) -> None:
    page = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    assert guarded[0].get("/", headers=page).headers["www-authenticate"].startswith("Basic realm=")
    assert guarded[0].get("/").headers["www-authenticate"].startswith("Bearer realm=")


def test_a_scope_opens_its_own_routes_only(guarded: tuple[httpx.Client, str, str]) -> None:
    http, search, admin = guarded
    assert http.get("/metrics", headers=bearer(admin)).status_code == 200
    # The router would take the second for /metrics too.
    for path in ("/metrics", "/metrics%0a"):
        refused = http.get(path, headers=bearer(search))
        assert (refused.status_code, refused.json()["error_type"]) == (403, "access_denied")
        assert "scope search" in refused.json()["error"]
        assert "needs admin" in refused.json()["error"]
    assert http.get("/sources", headers=bearer(admin)).status_code == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:8080", 200), ("[::1]:8080", 200), ("[::1]", 200), ("localhost:1", 200), ("search", 200),
     ("search.example.org:80", 200), ("evil.example:8080", 421), ("evil.example", 421), ("127.0.0.1.evil.com", 421)],
)  # fmt: skip
def test_without_keys_only_harmless_names_are_served(host: str, status: int) -> None:
    with service(access=AccessSettings(host_names=("search.example.org",))) as url:
        assert httpx.get(f"{url}/sources", headers={"Host": host}).status_code == status


def test_with_keys_any_name_is_served(guarded: tuple[httpx.Client, str, str]) -> None:
    http, key, _ = guarded
    assert http.get("/sources", headers={"Host": "search.example", **bearer(key)}).status_code == 200


def test_the_service_refuses_to_listen_where_it_would_be_open(keys: KeyFile) -> None:
    for host in ("0.0.0.0", "::", "10.0.0.1", "search.example"):
        with pytest.raises(InvalidSettings, match=f"{re.escape(host)} can be reached.*keys create"):
            require_safe(host, AccessSettings(), keys)
        require_safe(host, OPEN, keys)
    with pytest.raises(InvalidSettings, match="a key is required"):
        require_safe("127.0.0.1", CLOSED, keys)
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        require_safe(host, AccessSettings(), keys)
    keys.create("a")
    require_safe("0.0.0.0", AccessSettings(), keys)


def test_an_app_on_another_address_is_closed_without_keys_whatever_runs_it() -> None:
    with service(host="0.0.0.0") as url:
        assert httpx.get(f"{url}/sources").status_code == 401


# Quotas


def test_a_bucket_holds_a_minute_and_is_filled_by_time() -> None:
    now = [0.0]
    quotas, key = Quotas(lambda: now[0]), ApiKey("a", "0" * 64, (Scope.SEARCH,), 60, "")
    quotas.charge(key, 60)
    with pytest.raises(Overloaded, match="60 queries a minute") as refused:
        quotas.charge(key, 1)
    assert refused.value.retry_after == 1
    now[0] = 1.0
    # One query is there, and a batch of 31 may overdraw it by 30: half a minute is to be paid off.
    quotas.charge(key, 31)
    with pytest.raises(Overloaded) as refused:
        quotas.charge(key, 1)
    assert refused.value.retry_after == 31
    now[0] = 1000.0
    quotas.charge(key, 1)
    quotas.refund(key, 1)
    quotas.charge(key, 60)
    with pytest.raises(Overloaded):
        quotas.charge(key, 1)
    quotas.charge(None, 1_000_000)
    quotas.charge(ApiKey("b", "1" * 64, (Scope.SEARCH,), None, ""), 1_000_000)


def test_queries_and_targets_count_and_each_key_has_its_own_quota(keys: KeyFile) -> None:
    mine, other = keys.create("mine", queries_per_minute=3), keys.create("other", queries_per_minute=3)
    with service(keys=keys) as url, httpx.Client(base_url=url) as http:
        assert http.post("/batch_search", json={"queries": ["a", "b"]}, headers=bearer(mine)).status_code == 200
        assert http.post("/batch_open", json={"targets": ["nothing"]}, headers=bearer(mine)).status_code == 200
        refused = http.post("/batch_search", json=SEARCH, headers=bearer(mine))
        assert (refused.status_code, refused.json()["error_type"]) == (429, "overloaded")
        # A third of a minute for one query, less the moments since they were spent.
        assert 10 < int(refused.headers["retry-after"]) <= 20
        assert http.get("/sources", headers=bearer(mine)).status_code == 200
        assert http.post("/batch_search", json=SEARCH, headers=bearer(other)).status_code == 200


def test_what_fails_costs_nothing(keys: KeyFile) -> None:
    key = keys.create("a", queries_per_minute=2)
    with service(keys=keys) as url, httpx.Client(base_url=url, headers=bearer(key)) as http:
        for _ in range(3):
            assert http.post("/batch_search", json={"queries": ["a", "b"], "profile": "none"}).status_code == 422
        assert http.post("/batch_search", json={"queries": ["a", "b"]}).status_code == 200
        assert http.post("/batch_search", json=SEARCH).status_code == 429


# What a browser is told


def test_pages_run_no_scripts_but_ours_and_stand_in_no_frame() -> None:
    with service() as url:
        page, reply = httpx.get(f"{url}/docs"), httpx.get(f"{url}/sources")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert "unsafe" not in policy["script-src"]
    assert policy["frame-ancestors"] == "'none'"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == reply.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in reply.headers


def test_other_origins_are_answered_only_where_they_are_named() -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization,content-type"}  # fmt: skip
    with service() as url:
        assert "access-control-allow-origin" not in httpx.get(f"{url}/sources", headers=asked).headers
        assert "access-control-allow-origin" not in httpx.options(f"{url}/batch_search", headers=asked).headers
    with service(access=AccessSettings(keys="required", cors_origins=("https://app.example",))) as url:
        allowed = httpx.options(f"{url}/batch_search", headers=asked)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://app.example")
        refused = httpx.post(f"{url}/batch_search", headers={"Origin": "https://app.example"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://app.example")
        other = httpx.options(f"{url}/batch_search", headers={**asked, "Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
