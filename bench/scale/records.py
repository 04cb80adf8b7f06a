"""What the scale bench found, as plain records: terminal, JSON and page are made of these alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nearness:
    """Cosines of held-out real vectors to their neighbour of one rank: 10th percentile, median and 90th, in the sample
    and in what was drawn; `apart` is the mean distance of the two distributions.
    """

    rank: int
    sample: tuple[float, float, float]
    drawn: tuple[float, float, float]
    apart: float


@dataclass(frozen=True, slots=True)
class Closeness:
    """How strong the noise of drawn vectors is, and how close they come: `part` real vectors were grown to `grown`, and
    `held_out` others looked for their neighbours.
    """

    strength: float
    part: int
    grown: int
    held_out: int
    rows: tuple[Nearness, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a build: wall-clock seconds, and those of processors in all threads."""

    name: str
    seconds: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Built:
    """A first build. `stages` are without `growing`, the making of the texts, which no real build has.

    `dense` is how the manifest says that vectors are searched. `base` and `peak` are bytes resident before and at most;
    `disk` has bytes by kind of file.
    """

    snapshot: str
    pages: int
    passages: int
    sources: int
    hosts: int
    tokens: float
    languages: dict[str, int]
    stages: tuple[Stage, ...]
    growing: Stage
    dense: str
    base: int
    peak: int
    disk: dict[str, int]

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all stages."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def cpu(self) -> float:
        """Processor seconds of all stages."""
        return sum(stage.cpu for stage in self.stages)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes resident: of the process's own, and of mapped files, which the system takes back when it needs them."""

    anonymous: int
    file: int

    @property
    def total(self) -> int:
        """Both."""
        return self.anonymous + self.file


@dataclass(frozen=True, slots=True)
class Opened:
    """Seconds until a snapshot is open and until its first query is answered, in a fresh process, with its files in
    memory and (`cold`) dropped from it; memory before, after opening, and after `queries` queries.
    """

    seconds: float
    first_answer: float
    cold_seconds: float
    cold_first_answer: float
    base: Memory
    opened: Memory
    used: Memory
    queries: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds a query: median and 95th percentile over `runs` runs."""

    p50: float
    p95: float
    runs: int


@dataclass(frozen=True, slots=True)
class Lexical:
    """Searches of one kind of query, one at a time: how many index terms it has in the mean, and how long it takes."""

    kind: str
    terms: float
    timing: Timing


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Milliseconds of a whole search of a batch, and of encoding its queries alone, by turns: medians."""

    queries: int
    search: float
    encode: float
    rounds: int

    @property
    def ratio(self) -> float:
        """How many times as long the search takes."""
        return self.search / self.encode


@dataclass(frozen=True, slots=True)
class Filtered:
    """Dense searches of which `survivors` passages are left, `rows` says which; recall is against exact search."""

    share: float
    rows: str
    survivors: int
    recall10: float
    recall100: float
    timing: Timing


@dataclass(frozen=True, slots=True)
class Incremental:
    """A build after a few passages changed, in the same data folder, against the first one, which found nothing kept
    but vectors. An encoder would have had to embed `rewritten` passages. `shared` of `total` bytes are the same files
    as the first snapshot's.
    """

    passages: int
    pages_gone: int
    rewritten: int
    seconds: float
    cpu: float
    first_seconds: float
    first_cpu: float
    shared: int
    total: int
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """Everything at one size. `dense` is by batch size; `nearest` holds the queries' median cosine to their neighbour
    of each rank. `differing` names what was not the same alone, in a batch or after opening again.
    """

    size: int
    built: Built
    opened: Opened
    dense: dict[int, Timing]
    lexical: tuple[Lexical, ...]
    hybrid: Hybrid
    recall10: float
    recall100: float
    nearest: dict[int, float]
    filters: tuple[Filtered, ...]
    incremental: Incremental | None
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MethodRow:
    """A dense method at one effort: build seconds (wall clock, all processors), bytes with what it refines from, recall
    against exact search, and by batch size ms a query and how many times as fast as exact flat fp32.
    """

    method: str
    effort: str
    build: float
    build_cpu: float
    bytes: int
    recall10: float
    recall100: float
    ms: dict[int, float]
    times: dict[int, float]


@dataclass(frozen=True, slots=True)
class ScaleReport:
    """All that `bench scale` found."""

    title: str
    created: str
    machine: str
    settings: dict[str, str]
    closeness: Closeness
    sizes: tuple[Size, ...]
    methods: tuple[MethodRow, ...]

    @property
    def deterministic(self) -> bool:
        """Whether equal queries had equal answers everywhere."""
        return not any(size.differing for size in self.sizes)
