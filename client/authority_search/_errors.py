"""What a call can raise.

    AuthoritySearchError
    ├── ConnectionFailed   no reply: refused, broken off, or no such host
    ├── Timeout            no reply in time, or none within the service's deadline
    ├── InvalidRequest     the request is wrong; correct it (found here or by the service)
    ├── UnknownName        a source or profile that the service does not have
    ├── AccessDenied       no valid API key (401), or one without the scope that is needed (403)
    ├── TooLarge           the body is larger than the service takes
    ├── Overloaded         the service is full; try again later
    ├── NotReady           the service has no index open yet; try again later
    └── ServerError        the service failed, or what replied is no such service

Connection failures, `Overloaded` and `NotReady` were retried before they are raised (see `Client`).
"""

from collections.abc import Mapping


class AuthoritySearchError(Exception):
    """Base of all errors of this package.

    `status` is the HTTP status and `request_id` the id under which the service logged the request; both are
    None where no reply came.
    """

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class ConnectionFailed(AuthoritySearchError):
    """The service gave no reply: the connection was refused or broken off, or the host does not exist."""


class Timeout(AuthoritySearchError):
    """The service gave no reply in time, or told that it would not within its deadline."""


class InvalidRequest(AuthoritySearchError):
    """The request is wrong; the message names the field and what to do."""


class UnknownName(AuthoritySearchError):
    """A source or profile that the service does not have."""


class AccessDenied(AuthoritySearchError):
    """The service wants another API key: none was sent, or it is not valid (401), or does not reach this far (403)."""


class TooLarge(AuthoritySearchError):
    """The body is larger than the service takes; split the batch."""


class Overloaded(AuthoritySearchError):
    """The service has more requests under way than it takes, or the quota of the API key is used up for now."""


class NotReady(AuthoritySearchError):
    """The service has no index open yet."""


class ServerError(AuthoritySearchError):
    """The service failed, or what replied is not an authority-search service."""


# `error_type` on the wire -> what the client raises. A test holds this against the service's own tree.
BY_TYPE: Mapping[str, type[AuthoritySearchError]] = {
    "invalid_request": InvalidRequest,
    "unknown_name": UnknownName,
    "access_denied": AccessDenied,
    "not_found": InvalidRequest,
    "too_large": TooLarge,
    "overloaded": Overloaded,
    "not_ready": NotReady,
    "deadline_exceeded": Timeout,
    "internal": ServerError,
}
