"""Schemathesis over a real socket: the API is as it describes itself, and no bad request breaks it.

AUTHORITY_SEARCH_BAD_REQUESTS=10000 runs the long search for bad requests, which is skipped otherwise.
"""

import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).parent / "schemathesis"
BAD_REQUESTS = int(os.environ.get("AUTHORITY_SEARCH_BAD_REQUESTS", "0"))
SEED = "1"
# Routes with a body: only there can a request of this API be bad but for its path and method.
WITH_BODY = 6


def schemathesis(url: str, folder: Path, *options: str) -> str:
    """What schemathesis found, once it found no fault."""
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "schemathesis_checks",
        "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    command = [PROGRAM, "run", f"{url}/openapi.json", "--no-color", "--no-shrink", *options]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    return ended.stdout


def numbers(pattern: str, output: str) -> Sequence[int]:
    found = re.search(pattern, output)
    assert found, output
    return [int(number) for number in found.groups()]


def test_the_api_is_as_it_describes_itself(letter_service: str, tmp_path: Path) -> None:
    checks = ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    output = schemathesis(letter_service, tmp_path, *checks, "--max-examples", "15", "--seed", SEED, "--max-time", "15")
    print(f"seed {SEED}")
    selected, total = numbers(r"Selected: (\d+)/(\d+)", output)
    assert selected == total == len(httpx.get(f"{letter_service}/openapi.json").json()["paths"])
    assert numbers(r"(\d+) generated", output)[0] >= total


@pytest.mark.skipif(not BAD_REQUESTS, reason="AUTHORITY_SEARCH_BAD_REQUESTS says how many")
def test_bad_requests_are_refused_and_the_service_lives_on(letter_service: str, tmp_path: Path) -> None:
    seed, generated, each = random.SystemRandom().randrange(10**6), 0, BAD_REQUESTS // WITH_BODY // 4
    while generated < BAD_REQUESTS:
        options = ["--mode", "negative", "--phases", "fuzzing", "--max-examples", str(each), "--seed", str(seed)]
        output = schemathesis(
            letter_service, tmp_path, "--checks", "not_a_server_error,negative_data_rejection", *options
        )
        (count,) = numbers(r"(\d+) generated", output)
        generated += count
        print(f"seed {seed}: {count} bad requests, {generated} in all, none answered with 5xx")
        seed += 1
        assert count
    assert httpx.get(f"{letter_service}/health").status_code == 200
    reply = httpx.post(f"{letter_service}/batch_search", json={"queries": ["policy rate"]})
    assert reply.json()["results"][0]["status"] == "ok"
