"""What must be settled before the service listens."""

from service.access.keys import KeyFile
from service.access.settings import AccessSettings, is_loopback
from service.errors import InvalidSettings


def require_safe(host: str, settings: AccessSettings, file: KeyFile) -> None:
    """Raise InvalidSettings where others could reach a service that asks for no key, or that lets nobody in."""
    if settings.keys == "off" or (settings.keys == "auto" and is_loopback(host) and not file.exists()):
        return
    if not file.keys():
        reached = f"{host} can be reached from other machines" if not is_loopback(host) else "a key is required"
        raise InvalidSettings(
            f"{reached}, and there are no API keys: create one (authority-search keys create NAME), listen on "
            "127.0.0.1, or pass --keys off (access.keys) where something in front of the service checks callers"
        )
