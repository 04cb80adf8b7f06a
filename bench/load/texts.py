"""The texts that load is made of."""

from importlib.resources import as_file, files
from pathlib import Path

from bench.errors import InvalidCollection
from bench.queries import read_queries
from bench.rows import Reader


def load_texts(path: Path | None = None) -> tuple[str, ...]:
    """Distinct query texts: of a file in any form that `read_queries` knows, or of a `.txt` file a line each.

    Without a file: our English and Chinese questions over technical documentation. Raises InvalidCollection.
    """
    if path is None:
        with as_file(files("bench") / "questions" / "documentation.jsonl") as built_in:
            return load_texts(built_in)
    reader = Reader()
    lines = reader.text(path).splitlines() if path.suffix == ".txt" else []
    if lines and not any("\t" in line or line.lstrip().startswith("<") for line in lines):
        texts = [line.strip() for line in lines if line.strip()]
    else:
        texts = [query.text for query in read_queries(reader, path) if not query.problem]
    if not texts:
        raise InvalidCollection(f"{path} holds no query that can be searched for")
    return tuple(dict.fromkeys(texts))
