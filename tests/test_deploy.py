"""The files in deploy/ are right: systemd takes its units, cron's line is a command, alerts have their metrics."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from authority_search.models import Readiness
from service.metrics import Metrics

DEPLOY = Path(__file__).parents[1] / "deploy"
PROGRAM = Path(sys.executable).parent / "authority-search"
INSTALLED = "/opt/authority-search/bin/authority-search"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    units = sorted(DEPLOY.glob("*.service")) + sorted(DEPLOY.glob("*.timer"))
    assert len(units) == 2
    for unit in units:
        text = unit.read_text(encoding="utf-8")
        assert unit.suffix == ".timer" or INSTALLED in text
        (tmp_path / unit.name).write_text(text.replace(INSTALLED, str(PROGRAM)), encoding="utf-8")
    command = ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in units)]
    verified = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("file", ["crontab", "authority-search-refresh.service"])
def test_the_command_is_one_that_there_is(file: str) -> None:
    (arguments,) = re.findall(rf"{INSTALLED} (.*?)(?: >>|$)", (DEPLOY / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert arguments == "--settings authority-search.toml refresh --json"


@pytest.mark.parametrize(("code", "mail"), [(0, False), (4, False), (1, True), (5, True), (6, True)])
def test_cron_mails_only_what_somebody_should_look_at(code: int, mail: bool, tmp_path: Path) -> None:
    line = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()[-1]
    minute, hour, *days, command = line.split(maxsplit=5)
    assert (minute, hour, days) == ("17", "3", ["*", "*", "*"])
    assert "%" not in command  # cron reads it as a line break
    fake = tmp_path / "fake"
    fake.write_text(f"#!/bin/sh\necho '{{}}'\necho why >&2\nexit {code}\n", encoding="utf-8")
    fake.chmod(0o755)
    command = command.replace(INSTALLED, str(fake)).replace("/srv/authority-search", str(tmp_path))
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert (ended.stdout != "", ended.stderr) == (mail, "")
    assert not mail or (f"code {code}" in ended.stdout and "why" in ended.stdout)
    assert (tmp_path / "refresh.jsonl").read_text(encoding="utf-8") == "{}\n"


def test_each_alert_rests_on_metrics_that_there_are() -> None:
    metrics = Metrics()
    metrics.follow(lambda: Readiness(status="ready", snapshot="20260101T000000Z-0123abcd", passages=1))
    metrics.degraded("dense")
    metrics.request("GET", "/health", 200, 0.001)
    known = set(re.findall(r"^(authority_search_\w+)", metrics.text().decode(), re.MULTILINE))
    (group,) = yaml.safe_load((DEPLOY / "authority-search-rules.yml").read_text(encoding="utf-8"))["groups"]
    named = {name for rule in group["rules"] for name in re.findall(r"authority_search_\w+", rule["expr"])}
    assert len(named) == 4
    assert named <= known
    scrape = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    assert (DEPLOY / scrape["rule_files"][0]).is_file()
