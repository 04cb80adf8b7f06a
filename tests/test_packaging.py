"""What is installed, what may import what, and that each module is on the newcomer's map."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain_lists", "index", "crawler", "ranking", "service", "bench")
FOLDERS = (*PACKAGES, "client")
ENGINES = {"torch", "faiss", "tantivy", "duckdb", "scrapy", "sentence_transformers", "transformers", "openvino"}


@pytest.mark.parametrize("name", [*PACKAGES, "authority_search"])
def test_no_other_distribution_brings_a_package_of_our_name(name: str) -> None:
    # An editable installation of ours names no packages.
    assert set(packages_distributions().get(name, [])) <= {"authority-search-server"}


@pytest.mark.parametrize("module", ["service.app", "authority_search", "domain_lists.source_list", "ranking.rank"])
def test_a_light_module_loads_no_engine(module: str) -> None:
    code = f"import json, sys, {module}; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not ENGINES & set(json.loads(found.stdout))


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_module_is_named_in_the_readme_of_its_folder(folder: str) -> None:
    readme = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    base = ROOT / folder / "authority_search" if folder == "client" else ROOT / folder
    modules = [path.relative_to(base).as_posix() for path in sorted(base.rglob("*.py")) if path.name != "__init__.py"]
    assert [name for name in modules if f"`{name}`" not in readme] == []


def test_imports_go_one_way() -> None:
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


def test_the_wheel_ships_what_the_project_names_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {Path(folder).name for folder in shipped} == {*PACKAGES, "authority_search"}
    assert all(
        (ROOT / folder / "__init__.py").is_file() and (ROOT / folder / "py.typed").is_file() for folder in shipped
    )


def test_the_wheel_ships_data_but_no_drawings() -> None:
    shipped = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert (ROOT / "bench" / "figures").is_dir()
    assert {"bench/questions/documentation.jsonl", "bench/templates/report.css", "bench/py.typed"} <= shipped
    assert not [path for path in shipped if path.startswith("bench/figures/")]
