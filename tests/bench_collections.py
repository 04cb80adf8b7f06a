"""A tiny judged collection in BEIR layout, for the tests of the bench."""

import json
from pathlib import Path

DOCUMENTS = {
    "d1": ("Sepsis", "Antibiotics within the hour save lives."),
    "d2": ("Banking", "The policy rate is set eight times a year."),
    "d/3 ü": ("", "Chlorophyll absorbs red and blue light."),
    "d4": ("A title alone", ""),
    "d5": ("", " "),
}
QUERIES = {"q1": "policy rate", "q2": "chlorophyll light", "q3": "never judged"}
HEADING = "query-id\tcorpus-id\tscore\n"
JUDGMENTS = "q1\td2\t1\nq2\td/3 ü\t2\n"


def write_collection(folder: Path, judgments: str = JUDGMENTS, split: str = "test") -> Path:
    (folder / "qrels").mkdir(parents=True)
    write_lines(folder / "corpus.jsonl", *({"_id": k, "title": t, "text": x} for k, (t, x) in DOCUMENTS.items()))
    write_lines(folder / "queries.jsonl", *({"_id": key, "text": text} for key, text in QUERIES.items()))
    (folder / "qrels" / f"{split}.tsv").write_text(HEADING + judgments, encoding="utf-8")
    return folder


def write_lines(path: Path, *rows: object) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
