"""Who may come in."""

import ipaddress
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

KeysNeeded = Literal["auto", "required", "off"]


class AccessSettings(BaseModel):
    """Who may come in, and from where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: Annotated[
        KeysNeeded,
        Field(
            description="Who needs an API key. auto: everyone, except on loopback before the first key; "
            "required: everyone; off: nobody"
        ),
    ] = "auto"
    host_names: Annotated[
        tuple[str, ...],
        Field(description="Names with a dot by which a service without keys, and /mcp always, may be asked"),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        Field(description="Web origins whose pages may call the service, such as https://app.example.org"),
    ] = ()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
