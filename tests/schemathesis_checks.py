"""A check of our own for schemathesis, which loads this file by SCHEMATHESIS_HOOKS."""

import re

import schemathesis

# What no JSON Schema can say: which names there are, that one date comes before another, what makes a domain, and
# that one field needs another.
BEYOND_SCHEMAS = re.compile(
    r"unknown source|unknown profile|dates are reversed|write a domain such as|filter_by_language needs|languages\.0: "
)


@schemathesis.check
def what_the_schema_allows_is_accepted(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """As `positive_data_acceptance`, but for what a schema cannot say."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    assert response.status_code < 400 or BEYOND_SCHEMAS.search(response.text), (
        f"{response.status_code} for what the schema allows: {response.text[:500]}"
    )
