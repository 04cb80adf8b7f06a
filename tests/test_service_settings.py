"""Settings: where they come from, which one wins, and how a bad one is named."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from service.errors import InvalidSettings
from service.settings import ENVIRONMENT_PREFIX, ServerSettings, Settings, load_settings, setting_rows

DEFAULTS = Settings.model_construct().model_dump()
README = Path(__file__).parents[1] / "service" / "README.md"


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder and no variables of ours."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX)]:
        monkeypatch.delenv(name)


def test_without_file_and_environment_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.model_dump() == DEFAULTS
    assert settings.data_dir == Path("data")
    assert settings.server.port == 8080


def test_a_file_in_the_working_folder_is_read() -> None:
    Path("authority-search.toml").write_text(
        'data_dir = "elsewhere"\nsource_files = ["a.csv", "b.csv"]\n[crawl]\nmax_pages = 50\n', encoding="utf-8"
    )
    settings = load_settings()
    assert settings.data_dir == Path("elsewhere")
    assert settings.source_files == (Path("a.csv"), Path("b.csv"))
    assert settings.crawl.max_pages == 50
    assert settings.crawl.max_depth == 5


def test_options_win_over_the_environment_and_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('data_dir = "file"\n[server]\nport = 1\nbatch_queries = 2\n', encoding="utf-8")
    assert load_settings(file).data_dir == Path("file")
    monkeypatch.setenv("AUTHORITY_SEARCH_DATA_DIR", "environment")
    monkeypatch.setenv("AUTHORITY_SEARCH_SERVER__PORT", "7")
    settings = load_settings(file)
    assert settings.data_dir == Path("environment")
    # A variable replaces one setting of its group, not the group.
    assert (settings.server.port, settings.server.batch_queries) == (7, 2)
    assert load_settings(file, data_dir=Path("option")).data_dir == Path("option")


def test_lists_in_variables_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHORITY_SEARCH_SOURCE_FILES", '["a.csv"]')
    assert load_settings().source_files == (Path("a.csv"),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('dat_dir = "x"', "dat_dir: no such setting; did you mean data_dir"),
        ("[crawl]\nmax_page = 3", r"crawl\.max_page: no such setting; did you mean crawl\.max_pages"),
        ("[zebra]\nx = 3", "zebra: no such setting; `settings` lists"),
        ("[crawl]\nmax_pages = 0", r"crawl\.max_pages: .*greater than or equal to 1"),
        ("[crawl]\nmax_pages = 'many'", r"crawl\.max_pages: .*integer"),
        ("crawl = 3", "crawl: .*CrawlSettings, not a number"),
        ("[server]\nport = 70000\nbatch_queries = 0", r"server\.port: .*65535.*server\.batch_queries: .*1"),
        ("[server]\nprot = 1\nbatch_queries = 0", r"server\.prot: no such .*server\.port.*server\.batch_queries: .*1"),
        ("[passages]\nmin_tokens = 200\nmax_tokens = 210", "max_tokens must be at least twice"),
        ("[encoder]\ndevice = 'tpu'", r"encoder\.device: .*'auto', 'cpu' or 'cuda'"),
        ("[crawl", "not valid TOML"),
        ("a = 1\na = 2", "not valid TOML"),
        (b"\xff", "not valid TOML: .*utf-8"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_the_file(tmp_path: Path, content: str | bytes, said: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InvalidSettings, match=said) as caught:
        load_settings(file)
    assert str(file) in str(caught.value)
    assert "pydantic" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CRAWL__MAX_PAGES", "many", r"crawl\.max_pages: .*integer"),
        ("CRAWL__MAX_PAGSE", "3", r"crawl\.max_pagse: no such setting; did you mean crawl\.max_pages"),
        ("CRAWLER__MAX_PAGES", "3", r"AUTHORITY_SEARCH_CRAWLER__MAX_PAGES: .*did you mean crawl\.max_pages"),
        ("SOURCE_FILES", "a.csv", "source_files.*as JSON"),
        ("CRAWL", "5", "crawl: .*CrawlSettings"),
    ],
)
def test_what_is_wrong_in_a_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"AUTHORITY_SEARCH_{variable}", value)
    with pytest.raises(InvalidSettings, match=said) as caught:
        load_settings()
    assert "None" not in str(caught.value)


def test_variables_that_a_cluster_sets_for_a_service_of_our_name_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHORITY_SEARCH_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("AUTHORITY_SEARCH_PORT", "tcp://10.0.0.1:80")
    assert load_settings().model_dump() == DEFAULTS


def test_a_settings_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidSettings, match=r"nowhere\.toml"):
        load_settings(Path("nowhere.toml"))


def test_settings_cannot_be_changed_once_loaded() -> None:
    with pytest.raises(ValueError, match="frozen"):
        ServerSettings().port = 1


def test_each_setting_has_a_name_of_its_own_and_a_meaning() -> None:
    rows = list(setting_rows())
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.description for row in rows)
    assert {name.partition(".")[0] for name, *_ in rows} == set(Settings.model_fields)


def test_the_readme_has_the_table_of_settings_as_it_is() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    documented = [row for row in rows if not row[0].endswith(".py")]
    assert documented == [(row.name, _shown(row.default), row.description) for row in setting_rows()]


def _shown(default: Any) -> str:
    if default is None:
        return "not set"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return f"`{list(default)}`"
    if isinstance(default, str | Path):
        return f"`{default}`" if str(default) else "empty"
    return str(default)
