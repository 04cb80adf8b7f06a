"""Query files in the three forms they come in: JSON lines, tab-separated lines, and TREC topics."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from authority_search.models import MAX_QUERY_CHARACTERS, clean_text
from bench.errors import InvalidCollection
from bench.rows import Reader

_TOPIC = re.compile(r"<top>(.*?)(?:</top>|(?=<top>)|\Z)", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*([^<]*)", re.IGNORECASE)


class Query(NamedTuple):
    """A query. `answers` holds strings of which one must stand in a good reply; often none are known.

    `problem` says why the text cannot be searched for, if it cannot. Published collections have such queries, and
    often nobody judges them, so that this is no error yet.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    problem: str = ""


def read_queries(reader: Reader, path: Path) -> list[Query]:
    """Read `{"_id", "text", "answers"?}` lines, `id<TAB>text` lines or `<top>` topics, told apart by how they begin.

    Raises InvalidCollection with file and line, also for an id that stands twice.
    """
    first = _first_character(path)
    if first == "<":
        found = _topics(reader.text(path), path)
    elif first == "{" or path.suffix == ".jsonl":
        found = list(reader.rows(path, _from_json, "JSON query"))
    else:
        found = list(reader.rows(path, _from_tabs, "query (id, tab, text)"))
    seen: set[str] = set()
    for query in found:
        if query.id in seen:
            raise InvalidCollection(f"{path} has two queries with the id {query.id!r}; ids must be unique")
        seen.add(query.id)
    if not found:
        raise InvalidCollection(f"{path} holds no queries")
    return found


def _first_character(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InvalidCollection(f"{path} cannot be read ({error}); check the path") from error
    return head.decode("utf-8-sig", "replace").lstrip()[:1]


def _from_json(line: str) -> Query:
    row = json.loads(line)
    answers = row.get("answers") or []
    if not isinstance(answers, list) or not all(isinstance(one, str) and one.strip() for one in answers):
        raise ValueError("'answers' must be a list of strings that are not empty")
    return _query(str(row["_id"]), row["text"], tuple(answers))


def _from_tabs(line: str) -> Query:
    key, tab, text = line.rstrip("\r\n").partition("\t")
    if not tab:
        raise ValueError("there is no tab")
    return _query(key.strip(), text)


def _topics(text: str, path: Path) -> list[Query]:
    topics = []
    for topic in _TOPIC.finditer(text):
        where = f"{path}:{text.count(chr(10), 0, topic.start()) + 1}"
        number, title = _NUMBER.search(topic[1]), _TITLE.search(topic[1])
        if number is None or title is None:
            missing = "<num>" if number is None else "<title>"
            raise InvalidCollection(f"{where} begins a topic without {missing}")
        topics.append(_query(number[1], " ".join(title[1].split())))
    return topics


def _query(key: str, text: str, answers: tuple[str, ...] = ()) -> Query:
    if not isinstance(text, str):
        raise TypeError(f"'text' must be a string, not {text!r}")
    try:
        cleaned = clean_text(text)
    except ValueError as error:
        return Query(key, text, answers, str(error))
    if len(cleaned) > MAX_QUERY_CHARACTERS:
        problem = f"a query may have {MAX_QUERY_CHARACTERS:,} characters, this one has {len(cleaned):,}"
        return Query(key, cleaned, answers, problem)
    return Query(key, cleaned, answers)
