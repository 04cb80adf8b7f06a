"""The command that shows the main job from end to end."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from authority_search import Client
from index.encoders import load_encoder
from index.rerankers import load_reranker
from service.cli.console import out, shown_progress
from service.cli.gather import print_crawl
from service.cli.look import print_search
from service.demo import MODULES, QUESTIONS, SITE_HOST, SITE_PORT, documentation_site, serving, write_settings
from service.live import LiveSearcher
from service.pipeline import open_store, run_crawl, run_publish
from service.settings import load_settings

app = typer.Typer()


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demonstration keeps its data.")] = Path("demo-data"),
    pages: Annotated[int, typer.Option(min=1, help="Pages to crawl.")] = 40,
    site_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the documentation site.")] = SITE_PORT,
) -> None:
    """Crawl a live site on this machine, publish, serve, and ask three questions. Needs no internet.

    The site is Python's own documentation server. A second run is faster: nothing changed, so nothing is embedded.

    Example: [bold]authority-search demo --folder demo-data --pages 40[/]
    """
    settings_file = write_settings(folder, pages)
    settings = load_settings(settings_file)
    with shown_progress() as progress:
        with documentation_site(site_port) as site:
            starts = [f"{site}{module}.html" for module in MODULES] + [site]
            crawled = run_crawl(settings, [SITE_HOST], starts, progress=progress)
        encoder = load_encoder(settings.encoder)
        published = run_publish(settings, lambda: encoder, progress)
    out.rule("crawled")
    print_crawl(crawled)
    out.rule("published")
    out.print(f"{published.snapshot}: {published.passages:,} passages, {published.embedded:,} newly embedded")
    live = LiveSearcher(
        open_store(settings),
        lambda: encoder,
        settings.ranking,
        load_reranker=lambda: load_reranker(settings.reranker, settings.encoder),
    )
    with serving(live, settings.server) as address, Client(address) as client:
        out.rule(f"asked {address}/batch_search")
        print_search(client.search(QUESTIONS, top_k=2), explain=True)
    out.rule("what next")
    command = f"authority-search --settings {escape(str(settings_file))} serve"
    out.print(f"Keep this service running:  [bold]make serve[/]  (or {command})")
    out.print("Crawl a real source:        [bold]authority-search crawl docs.python.org --max-pages 200[/]")
    out.print("                            (set crawl.contact first; see `authority-search settings`)")
