"""The one table of what Scrapy is told."""

from importlib.metadata import version
from typing import Any

from crawler.encodings import ACCEPTED
from crawler.pace import MIN_DELAY
from crawler.robots import PRODUCT
from crawler.settings import CrawlSettings

HANDLER = "crawler.handler.ArchivingHandler"


def user_agent(settings: CrawlSettings) -> str:
    """How the crawler names itself."""
    product = f"{PRODUCT}/{version('authority-search-server')}"
    return f"{product} (+{settings.contact})" if settings.contact else product


def scrapy_settings(settings: CrawlSettings) -> dict[str, Any]:
    """Scrapy's settings. Its own middlewares for redirects, retries, cookies, robots.txt and proxies are left out:
    these matters are the frontier's, so that a replay takes the same decisions.
    """
    return {
        "USER_AGENT": user_agent(settings),
        "DEFAULT_REQUEST_HEADERS": {
            "Accept": "text/html,application/xhtml+xml;q=0.9,application/pdf;q=0.8,*/*;q=0.5",
            "Accept-Encoding": ACCEPTED,
        },
        "SCHEDULER": "crawler.spider.FrontierScheduler",
        "DOWNLOAD_HANDLERS_BASE": {"http": HANDLER, "https": HANDLER},
        "DOWNLOADER_MIDDLEWARES_BASE": {
            "crawler.middlewares.RobotsMiddleware": 100,
            "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
            "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
            "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 600,
        },
        "SPIDER_MIDDLEWARES_BASE": {},
        "EXTENSIONS_BASE": {},
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        # No limit here: the handler counts the requests that are really under way.
        "CONCURRENT_REQUESTS": 0,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "DOWNLOAD_DELAY": max(settings.delay, MIN_DELAY),
        "DOWNLOAD_DELAY_JITTER": 0,
        "DOWNLOAD_TIMEOUT": settings.timeout,
        "DOWNLOAD_MAXSIZE": settings.max_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "LOG_ENABLED": False,
    }
