"""kill -9 at random moments of a refresh, again and again: nothing may be corrupt, lost, or fetched twice in vain.

Each kill meets a refresh of a site that has changed since the last one, or a first crawl of it. What the folder then
holds must be the old content or the new one, and the same command, given again, must come to what a crawl of that
state of the site comes to where nobody kills it.
"""

import json
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.errors import SystemFailed
from bench.kills_folder import Content, after_kill, content_of, pages_of, unfinished
from bench.kills_process import PATIENCE, Begun, Refresh, Victim
from bench.kills_site import HOSTS, STATES, ChangingSite
from index.progress import Progress, silent

FIRST_SHARE = 0.25
_COLUMNS = "id,name,sector,country,language,kind,tier,authority,evidence,notes"


class Killed(NamedTuple):
    """One kill and what was wrong after it. `aim` is "any moment" or the stage aimed at, `stage` the one met.

    `first` tells that the folder was new, `victim` whether the processes that it had started were killed with it,
    `orphan_seconds` how long they outlived it. `sent_twice` counts pages sent whole twice, before and after the kill.
    """

    number: int
    aim: str
    stage: str
    seconds: float
    first: bool
    victim: Victim
    orphan_seconds: float
    sent_twice: int
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KillsReport:
    """All kills of one seed. `late` counts those that came after the end, which are not among `kills`."""

    seed: int
    pages: int
    kills: Sequence[Killed]
    late: int
    seconds: float

    @property
    def failures(self) -> list[Killed]:
        """The kills after which something was wrong."""
        return [one for one in self.kills if one.wrong]

    @property
    def by_stage(self) -> dict[str, int]:
        """How many kills met each stage."""
        return dict(Counter(one.stage for one in self.kills))


class KillBench:
    """Kills refreshes of `site` in data folders under `folder`, which is emptied. `workers` extract; 0: no process."""

    def __init__(self, folder: Path, site: ChangingSite, workers: int = 1) -> None:
        self._work = folder.resolve() / "work"
        self._site = site
        self._workers = workers
        self._expected: list[Content] = []
        self._lasting: dict[bool, list[Begun]] = {}
        self._live: Content = ()

    def run(self, kills: int, seed: int, progress: Progress = silent) -> KillsReport:
        """Kill so many refreshes, at any moment and at each stage in turn. Raises SystemFailed where none ends."""
        begun, late = time.monotonic(), 0
        self._undisturbed()
        done: list[Killed] = []
        while len(done) < kills and late <= kills:
            draw = random.Random(f"{seed} {len(done)} {late}")  # noqa: S311 - no secret
            killed = self._killed(len(done), draw)
            if killed is None:
                late += 1
            else:
                done.append(killed)
            progress("kill", len(done), kills)
        return KillsReport(seed, self._site.pages, done, late, round(time.monotonic() - begun, 1))

    def _undisturbed(self) -> None:
        """Learn what each state of the site comes to, and how long the stages of a run last."""
        for state in range(STATES):
            self._site.turn_to(state)
            self._begin_anew()
            self._lasting[True] = self._to_the_end().lasting()
            self._expected.append(content_of(self._work / "data"))
        self._site.turn_to(0)
        self._lasting[False] = self._to_the_end().lasting()
        self._live = self._expected[0]

    def _to_the_end(self) -> Refresh:
        refresh = Refresh(self._work, self._site.starts, self._workers)
        if failure := refresh.wait():
            raise SystemFailed(f"nobody killed it, and {failure}")
        return refresh

    def _killed(self, number: int, draw: random.Random) -> Killed | None:
        """Kill one refresh and let the next one end; None where it ended before."""
        state = (self._site.state + draw.randrange(1, STATES)) % STATES
        self._site.turn_to(state)
        first = draw.random() < FIRST_SHARE
        if first:
            self._begin_anew()
        victim: Victim = draw.choice(("process", "group"))
        refresh = Refresh(self._work, self._site.starts, self._workers)
        aim = self._wait_for_moment(refresh, number, first, draw)
        stage, seconds = refresh.kill(victim), time.monotonic() - refresh.begun
        if stage.startswith("end"):
            refresh.wait()
            self._live = self._expected[state]
            # The machine is faster by now than when the moments were measured.
            self._lasting[first] = refresh.lasting()
            return None
        data = self._work / "data"
        wrong = after_kill(data, (self._live, self._expected[state]))
        if refresh.process.exitcode != -signal.SIGKILL:
            wrong.append(f"before it was killed {refresh.wait()}")
        # At once: what the killed one had started may still be there.
        again = Refresh(self._work, self._site.starts, self._workers)
        orphans = refresh.orphan_seconds()
        if orphans >= PATIENCE:
            wrong.append("processes of the killed refresh live on")
        wrong += self._after_the_next(again, state)
        sent_twice = self._site.sent_twice()
        if len(sent_twice) > len(HOSTS):
            wrong.append(f"sent twice, though one request a host can be under way: {', '.join(sent_twice)}")
        return Killed(
            number, aim, stage, round(seconds, 2), first, victim, round(orphans, 2), len(sent_twice), tuple(wrong)
        )

    def _wait_for_moment(self, refresh: Refresh, number: int, first: bool, draw: random.Random) -> str:
        """Wait for the moment to kill: any one, or in a stage, which is another with each second kill."""
        lasting = self._lasting[first]
        if number % 2:
            place = number // 2 % len(lasting)
            refresh.wait_for(place)
            aim, most = lasting[place]
        else:
            aim, most = "any moment", sum(one.lasts for one in lasting)
        time.sleep(draw.uniform(0, most))
        return aim

    def _after_the_next(self, refresh: Refresh, state: int) -> list[str]:
        """What is wrong when the next refresh has ended."""
        if failure := refresh.wait():
            self._begin_anew()
            return [failure]
        data, expected = self._work / "data", self._expected[state]
        self._live = content_of(data)
        if self._live == expected:
            return [f"left behind: {name}" for name in unfinished(data)]
        lost = sorted(pages_of(expected) - pages_of(self._live))
        return [f"not what an undisturbed crawl comes to; pages lost: {', '.join(lost) or 'none'}"]

    def _begin_anew(self) -> None:
        """An empty data folder with its settings."""
        folder = self._work
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        rows = "".join(f"{host},Changing site,reference,INT,en,reference,1,0.9,known,\n" for host in HOSTS)
        (folder / "sources.csv").write_text(f"{_COLUMNS}\n{rows}", encoding="utf-8")
        (folder / "settings.toml").write_text(
            f"data_dir = {json.dumps(str(folder / 'data'))}\n"
            f"source_files = [{json.dumps(str(folder / 'sources.csv'))}]\n"
            "[crawl]\ndelay = 0.0\nallow_private_addresses = true\ndaily_share = 0.0\n",
            encoding="utf-8",
        )
        self._live = ()
