"""The one table of settings: defaults, then a TOML file, then environment variables, then the command line.

`authority-search settings` prints it with what is in force. Passed in everywhere; nothing else reads the
environment.
"""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from authority_search.validation import explain
from crawler.settings import CrawlSettings, PassageSettings, RefreshSettings
from index.settings import DenseSettings, EncoderSettings, IndexSettings, RerankerSettings
from ranking.settings import RankingSettings
from service.access.settings import AccessSettings
from service.access_log import LogStyle
from service.errors import InvalidSettings

DEFAULT_FILE = Path("authority-search.toml")
ENVIRONMENT_PREFIX = "AUTHORITY_SEARCH_"
_DELIMITER = "__"


class ServerSettings(BaseModel):
    """How the HTTP service listens and how much it takes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(min_length=1, description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one")] = 8080
    batch_queries: Annotated[
        int, Field(ge=1, le=2560, description="Most queries, of all callers, that are searched together")
    ] = 64
    waiting_queries: Annotated[
        int, Field(ge=0, le=1_000_000, description="Queries that may wait; a request with more is answered 429")
    ] = 5120
    cached_answers: Annotated[
        int, Field(ge=0, le=10_000_000, description="Answers to queries kept for each snapshot; 0 keeps none")
    ] = 2048
    deadline_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="A request not answered by then is answered 504")
    ] = 60.0
    arm_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="An arm that takes longer for a batch is left out of its replies")
    ] = 20.0
    max_body_bytes: Annotated[int, Field(ge=1024, description="Largest request body; a larger one is answered 413")] = (
        32_000_000
    )
    poll_seconds: Annotated[float, Field(gt=0, description="How often to look for a newly published snapshot")] = 1.0
    max_header_bytes: Annotated[int, Field(ge=1024, description="Largest head of a request; above it 431")] = 16_384
    header_seconds: Annotated[float, Field(gt=0, description="Seconds in which a request's head must arrive")] = 10.0
    body_seconds: Annotated[
        float, Field(gt=0, description="Seconds in which its body must arrive, and its reply be taken")
    ] = 30.0
    keep_alive_seconds: Annotated[int, Field(ge=1, description="Seconds between two requests of a connection")] = 20
    max_connections: Annotated[int, Field(ge=1, description="Connections at once; one more is answered 429")] = 4096
    access_log: Annotated[LogStyle, Field(description="Line per request on stdout: off, text or json")] = "text"
    traces: Annotated[
        str,
        Field(description="Where spans go (OTLP/HTTP), such as http://127.0.0.1:4318/v1/traces"),
    ] = ""


class Settings(BaseSettings):
    """All settings. Relative paths are taken from the working folder."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter=_DELIMITER
    )

    data_dir: Annotated[Path, Field(description="Folder of everything at rest")] = Path("data")
    source_files: Annotated[
        tuple[Path, ...], Field(description="Further source lists (columns of domain_lists/sources.csv)")
    ] = ()
    source_suffixes: Annotated[
        tuple[str, ...],
        Field(description="Restricted suffixes (`gov.cn`) under which hosts that are not listed are sources too"),
    ] = ()
    crawl: CrawlSettings = CrawlSettings()
    refresh: RefreshSettings = RefreshSettings()
    passages: PassageSettings = PassageSettings()
    index: IndexSettings = IndexSettings()
    encoder: EncoderSettings = EncoderSettings()
    dense: DenseSettings = DenseSettings()
    ranking: RankingSettings = RankingSettings()
    reranker: RerankerSettings = RerankerSettings()
    server: ServerSettings = ServerSettings()
    access: AccessSettings = AccessSettings()

    toml_file: ClassVar[Path | None] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Later sources give way to earlier ones; .env and secret files are not read."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.toml_file)


def load_settings(file: Path | None = None, **overrides: Any) -> Settings:
    """Settings from `file` (or `authority-search.toml`, if it is there), environment and overrides.

    Raises InvalidSettings, naming every bad value and where to mend it.
    """
    if file is not None and not file.is_file():
        raise InvalidSettings(f"there is no settings file {file}; check the path")
    chosen = file or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    where = f"{chosen}, {ENVIRONMENT_PREFIX}* variables" if chosen else f"{ENVIRONMENT_PREFIX}* variables"
    _require_known_variables()
    reading = type("Settings", (Settings,), {"toml_file": chosen, "__module__": __name__})
    try:
        loaded: Settings = reading(**overrides)
    except ValidationError as error:
        raise InvalidSettings(f"settings ({where} or options) are not valid: {_problems(error)}") from error
    except SettingsError as error:
        raise InvalidSettings(f"{error}: write lists and tables in variables as JSON") from error
    except ValueError as error:
        raise InvalidSettings(f"{chosen} is not valid TOML: {error}") from error
    return loaded


def _require_known_variables() -> None:
    """Raise InvalidSettings for a variable of a group that there is not; pydantic would pass over it."""
    groups = {name for name, field in Settings.model_fields.items() if _group(field)}
    for variable in os.environ:
        name = variable.lower().removeprefix(ENVIRONMENT_PREFIX.lower())
        group, delimiter, _ = name.partition(_DELIMITER)
        # Without a group it may be another's: Kubernetes sets AUTHORITY_SEARCH_PORT for a service of our name.
        if name != variable.lower() and delimiter and group not in groups:
            raise InvalidSettings(f"variable {variable}: {_no_such_setting(name.replace(_DELIMITER, '.'))}")


def _problems(error: ValidationError) -> str:
    unknown = [problem["loc"] for problem in error.errors() if problem["type"] == "extra_forbidden"]
    names = [".".join(map(str, parts)) for parts in unknown]
    others = [problem for problem in error.errors() if problem["type"] != "extra_forbidden"]
    said = [f"{name}: {_no_such_setting(name)}" for name in names]
    return "; ".join([*said, explain(others)] if others else said)


def _no_such_setting(name: str) -> str:
    close = get_close_matches(name, [row.name for row in setting_rows()], n=1)
    return f"no such setting; did you mean {close[0]}?" if close else "no such setting; `settings` lists them all"


class SettingRow(NamedTuple):
    """One line of the table of settings."""

    name: str
    default: Any
    description: str


def setting_rows(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[SettingRow]:
    """Every setting by dotted name, in order."""
    for name, field in model.model_fields.items():
        inner = _group(field)
        if inner is not None:
            yield from setting_rows(inner, f"{prefix}{name}.")
        else:
            yield SettingRow(f"{prefix}{name}", field.default, field.description or "")


def _group(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
