"""What the service can answer instead of a result.

    ServiceError
    ├── InvalidRequest   422  the request contradicts itself or the rules
    ├── UnknownName      422  a source or profile that does not exist
    ├── NotFound         404  no such route or resource
    ├── TooLarge         413  the body is larger than the limit
    ├── Overloaded       429  more requests under way than permits
    ├── InvalidSettings  500  settings that cannot be used; met at start, never in a reply
    ├── NotReady         503  no snapshot is open yet
    └── Internal         500  a defect of ours

`service.http_errors` turns each into `{"error": …, "error_type": …}`, and the client maps each back.
"""

from typing import ClassVar


class ServiceError(Exception):
    """Base: `status` is the HTTP status, `error_type` the name on the wire."""

    status: ClassVar[int] = 500
    error_type: ClassVar[str] = "internal"


class InvalidRequest(ServiceError):
    """The request contradicts itself or the rules."""

    status = 422
    error_type = "invalid_request"


class UnknownName(ServiceError):
    """A source or a profile that the list does not have."""

    status = 422
    error_type = "unknown_name"


class NotFound(ServiceError):
    """No such route or resource."""

    status = 404
    error_type = "not_found"


class TooLarge(ServiceError):
    """The body is larger than the limit."""

    status = 413
    error_type = "too_large"


class Overloaded(ServiceError):
    """More requests are under way than there are permits."""

    status = 429
    error_type = "overloaded"


class InvalidSettings(ServiceError):
    """Settings that cannot be used; met at start, never in a reply."""


class NotReady(ServiceError):
    """No snapshot is open yet."""

    status = 503
    error_type = "not_ready"


class Internal(ServiceError):
    """A defect of ours; the log has the details under the request id."""
