"""What is known of the request being served: gathered on its way in and out, for its log line, counts and trace."""

from contextvars import ContextVar
from dataclasses import dataclass, field

from service.access.keys import ApiKey


@dataclass(slots=True)
class RequestFacts:
    """One request. `key` is None where none was asked for; `queries` counts queries and opened targets."""

    request_id: str = ""
    key: ApiKey | None = None
    queries: int = 0
    snapshot: str | None = None
    degraded: set[str] = field(default_factory=set)


FACTS: ContextVar[RequestFacts | None] = ContextVar("authority_search_request", default=None)
"""Those of the request that the running task serves, and the tasks and threads it starts; None outside of one."""
