"""What can go wrong while crawling and reading archives.

CrawlError
├── ArchiveError        a WARC file cannot be read: says which file and where in it
├── UnreadablePdf       a PDF that gives no text: its message is the reason that is counted
├── UndecodableBody     a response body is damaged, too long, or in an encoding that cannot be undone
├── RunError            the record of a run is unreadable, or its crawl process failed
├── NothingToCrawl      no start URL lies in the sources asked for
└── ContactRequired     a crawl of the open web was asked for without a contact
"""


class CrawlError(Exception):
    """Base of the package's errors."""


class ArchiveError(CrawlError):
    """A WARC file that cannot be read, or written."""


class UndecodableBody(CrawlError):
    """A response body that cannot be turned into the bytes its author meant."""


class UnreadablePdf(CrawlError):
    """A PDF without text to be had."""


class RunError(CrawlError):
    """A run that cannot be opened, or whose crawl process failed."""


class NothingToCrawl(CrawlError):
    """No start URL lies in the sources asked for."""


class ContactRequired(CrawlError):
    """The open web is not crawled without a way to reach whoever crawls."""
