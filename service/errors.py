"""What the service can answer instead of a result.

    ServiceError
    ├── InvalidRequest   422  the request contradicts itself or the rules
    ├── UnknownName      422  a source or profile that does not exist
    ├── AccessDenied     401  no key that is valid; 403 where the key does not reach this far
    ├── NotFound         404  no such route or resource
    ├── TooLarge         413  the body is larger than the limit
    ├── Overloaded       429  more waits than can be answered in time, or a key's quota is used up
    ├── InvalidSettings  500  settings that cannot be used; met at start, never in a reply
    ├── NotReady         503  no snapshot is open yet
    ├── DeadlineExceeded 504  not answered within the deadline
    └── Internal         500  a defect of ours

`service.http_errors` turns each into `{"error": …, "error_type": …}`, and the client maps each back.
"""

from typing import ClassVar


class ServiceError(Exception):
    """Base: `status` is the HTTP status, `error_type` the name on the wire.

    `retry_after` are the seconds after which it may go better, None where waiting is no help.
    """

    status: ClassVar[int] = 500
    error_type: ClassVar[str] = "internal"
    retry_after: int | None = None


class InvalidRequest(ServiceError):
    """The request contradicts itself or the rules."""

    status = 422
    error_type = "invalid_request"


class UnknownName(ServiceError):
    """A source or a profile that the list does not have."""

    status = 422
    error_type = "unknown_name"


class AccessDenied(ServiceError):
    """The caller has no valid key, or (403) one without the scope that is needed."""

    status = 401
    error_type = "access_denied"


class NotFound(ServiceError):
    """No such route or resource."""

    status = 404
    error_type = "not_found"


class TooLarge(ServiceError):
    """The body is larger than the limit."""

    status = 413
    error_type = "too_large"


class Overloaded(ServiceError):
    """More waits than can be answered in time, or a key asked more than its quota."""

    status = 429
    error_type = "overloaded"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidSettings(ServiceError):
    """Settings that cannot be used; met at start, never in a reply."""


class NotReady(ServiceError):
    """No snapshot is open yet."""

    status = 503
    error_type = "not_ready"
    retry_after = 1


class DeadlineExceeded(ServiceError):
    """Not answered within the deadline of the request; what of it was not begun is not done."""

    status = 504
    error_type = "deadline_exceeded"


class Internal(ServiceError):
    """A defect of ours; the log has the details under the request id."""
