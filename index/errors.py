"""What can go wrong with stores, encoders and snapshots.

IndexingError
├── CatalogError         the catalogue cannot be opened or was made by another version
├── DataFolderLocked     another run is writing to the data folder
├── EncoderUnavailable   no weights in any of the places, or a runtime is missing
├── RerankerUnavailable  no cross-encoder in any of the places, or it is none
├── EncoderMismatch      the vectors were made with other weights than the query encoder has
├── SnapshotNotFound     nothing is published, or not under that name
├── RecallTooLow         the approximate dense index finds less of the exact answers than the settings want
├── TooMuchLost          what would be published lacks too much of what is live
└── SnapshotInvalid      a snapshot failed its validation; it is never published or served
"""


class IndexingError(Exception):
    """Base of all errors of this package."""


class CatalogError(IndexingError):
    """The catalogue cannot be opened or was made by another version."""


class DataFolderLocked(IndexingError):
    """Another run is writing to the data folder."""


class EncoderUnavailable(IndexingError):
    """No weights in any of the places, or a runtime is missing."""


class RerankerUnavailable(IndexingError):
    """No cross-encoder in any of the places, or what is there is none."""


class EncoderMismatch(IndexingError):
    """The vectors were made with other weights than the query encoder has."""


class SnapshotNotFound(IndexingError):
    """Nothing is published, or not under that name."""


class RecallTooLow(IndexingError):
    """The approximate dense index finds less of the exact answers than the settings want."""


class TooMuchLost(IndexingError):
    """What would be published lacks too much of what is live."""


class SnapshotInvalid(IndexingError):
    """A snapshot failed its validation; it is never published or served."""
