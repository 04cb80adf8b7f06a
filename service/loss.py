"""How much of the live snapshot a new one would lack: a site that broke must not empty the index by itself."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from domain_lists.source_list import SourceList
from index.catalog import Catalog
from index.errors import SnapshotInvalid, SnapshotNotFound, TooMuchLost
from index.store import SnapshotStore

_NAMED = 5


class Loss(NamedTuple):
    """Passages that are `live`, and by source how many fewer there would be. Growth elsewhere makes up for none."""

    live: int
    by_source: Mapping[str, int]

    @property
    def share(self) -> float:
        """Of the live passages, in [0, 1]."""
        return sum(self.by_source.values()) / self.live if self.live else 0.0


def loss_of(live: Mapping[str, int], new: Mapping[str, int]) -> Loss:
    """The loss between passages by source now and then."""
    fewer = {source: count - new.get(source, 0) for source, count in live.items()}
    return Loss(sum(live.values()), {source: count for source, count in fewer.items() if count > 0})


def require_little_loss(store: SnapshotStore, catalog: Catalog, sources: SourceList, max_share: float) -> None:
    """Raise TooMuchLost, naming the sources, where more than `max_share` of the live passages would be lost."""
    try:
        columns = store.open().columns
    except (SnapshotNotFound, SnapshotInvalid):
        return
    live = dict(zip(columns.source_ids, columns.passages_by_source().tolist(), strict=True))
    new: Counter[str] = Counter()
    for url, passages in catalog.passages_by_page():
        if source := sources.listed(url):
            new[source.id] += passages
    loss = loss_of(live, new)
    if loss.share > max_share:
        raise TooMuchLost(_why(loss, new, max_share))


def _why(loss: Loss, new: Mapping[str, int], max_share: float) -> str:
    worst = sorted(loss.by_source.items(), key=lambda one: (-one[1], one[0]))
    named = ", ".join(f"{source} {lost:,} of {lost + new.get(source, 0):,}" for source, lost in worst[:_NAMED])
    more = f" and {len(worst) - _NAMED} more sources" if len(worst) > _NAMED else ""
    return (
        f"{sum(loss.by_source.values()):,} of {loss.live:,} live passages would be lost ({loss.share:.1%}, more than "
        f"refresh.max_lost_share = {max_share:.1%}): {named}{more}. The live snapshot stays. Look at these sources, "
        "then publish with --force if the loss is meant"
    )
