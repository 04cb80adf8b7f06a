"""The one table of settings: defaults, then a TOML file, then environment variables, then the command line.

`authority-search settings` prints it with what is in force. Passed in everywhere; nothing else reads the
environment.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from authority_search.validation import explain
from crawler.settings import CrawlSettings, PassageSettings
from index.settings import EncoderSettings
from ranking.settings import RankingSettings
from service.errors import InvalidSettings

DEFAULT_FILE = Path("authority-search.toml")
ENVIRONMENT_PREFIX = "AUTHORITY_SEARCH_"


class ServerSettings(BaseModel):
    """How the HTTP service listens and how much it takes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(min_length=1, description="Address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one")] = 8080
    running: Annotated[int, Field(ge=1, le=1024, description="Requests worked on at once")] = 4
    waiting: Annotated[int, Field(ge=0, le=65536, description="Requests that may wait; one more is answered 429")] = 256
    max_body_bytes: Annotated[int, Field(ge=1024, description="Largest request body; a larger one is answered 413")] = (
        32_000_000
    )
    poll_seconds: Annotated[float, Field(gt=0, description="How often to look for a newly published snapshot")] = 1.0


class Settings(BaseSettings):
    """All settings. Relative paths are taken from the working folder."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__"
    )

    data_dir: Annotated[Path, Field(description="Folder of everything at rest")] = Path("data")
    source_files: Annotated[
        tuple[Path, ...], Field(description="Further source lists (columns of domain_lists/sources.csv)")
    ] = ()
    crawl: CrawlSettings = CrawlSettings()
    passages: PassageSettings = PassageSettings()
    encoder: EncoderSettings = EncoderSettings()
    ranking: RankingSettings = RankingSettings()
    server: ServerSettings = ServerSettings()

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
    reading = type("Settings", (Settings,), {"toml_file": chosen, "__module__": __name__})
    try:
        loaded: Settings = reading(**overrides)
    except ValidationError as error:
        problems = explain(error.errors())
        where = f"{chosen}, {ENVIRONMENT_PREFIX}* variables" if chosen else f"{ENVIRONMENT_PREFIX}* variables"
        raise InvalidSettings(f"settings ({where} or options) are not valid: {problems}") from error
    except ValueError as error:
        raise InvalidSettings(f"{chosen} is not valid TOML: {error}") from error
    return loaded


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
