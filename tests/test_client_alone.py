"""The client installs and runs without the rest of the project."""

import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

CLIENT = Path(__file__).parents[1] / "client"
PROBE = """
import json, sys
sys.path[:0] = sys.argv[1:]
import authority_search
authority_search.Client().close()
print(json.dumps({"file": authority_search.__file__, "modules": sorted(sys.modules)}))
"""


def needed_by(name: str, seen: dict[str, Distribution]) -> dict[str, Distribution]:
    """`name` and all that it needs here, by normalised name."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key not in seen:
        seen[key] = distribution(name)
        for line in seen[key].requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed_by(requirement.name, seen)
    return seen


def link_distributions(folder: Path) -> None:
    """Fill `folder` with links to httpx, pydantic and what these need: a site directory of nothing else."""
    folder.mkdir()
    for found in needed_by("pydantic", needed_by("httpx", {})).values():
        for top in {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            (folder / top).symlink_to(found.locate_file(top))


def test_the_client_installs_alone_and_needs_only_httpx_and_pydantic(tmp_path: Path) -> None:
    target, site = tmp_path / "target", tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", target, CLIENT], check=True)
    link_distributions(site)
    # -I and -S: neither this project's own installation nor the environment can be seen.
    probe = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROBE, target, site], capture_output=True, text=True, check=True
    )
    seen = json.loads(probe.stdout)
    assert Path(seen["file"]).is_relative_to(target)
    ours = {"bench", "crawler", "domain_lists", "index", "ranking", "service"}
    assert not ours & {name.partition(".")[0] for name in seen["modules"]}
    installed = {entry.name for entry in target.iterdir()}
    assert {name for name in installed if not name.endswith(".dist-info")} == {"authority_search"}
    assert (target / "authority_search" / "py.typed").exists()
