"""Commands that look things up: search and open, in the local snapshot or through a running service."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.markup import escape

from authority_search import Client
from authority_search.models import Hit, OpenReply, OpenRequest, SearchReply, SearchRequest
from authority_search.validation import explain as explain_errors
from index.encoders import load_encoder
from index.rerankers import load_reranker
from service.cli.console import JsonOption, out, print_json, settings_of
from service.errors import InvalidRequest
from service.opening import open_targets
from service.pipeline import open_store
from service.searcher import Searcher

app = typer.Typer()

UrlOption = typer.Option("--url", help="Ask this running service instead of opening the snapshot here.")
SHOWN_CHARACTERS = 400


@app.command()
def search(
    context: typer.Context,
    query: Annotated[list[str], typer.Argument(help="One or more queries; quote each.")],
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, max=100, help="Hits per query.")] = 5,
    profile: Annotated[str | None, typer.Option(help="Search only this profile's sources.")] = None,
    include: Annotated[list[str] | None, typer.Option(help="Search only this source; may be repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave this source out; may be repeated.")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Only passages in this language (en, zh, …).")] = None,
    published_from: Annotated[str | None, typer.Option(help="First day of publication, YYYY-MM-DD.")] = None,
    published_to: Annotated[str | None, typer.Option(help="Last day of publication, YYYY-MM-DD.")] = None,
    drop_undated: Annotated[bool, typer.Option("--drop-undated", help="Leave out pages without such a date.")] = False,
    authority: Annotated[str, typer.Option(help="off, tie or boost.")] = "tie",
    max_tokens: Annotated[int, typer.Option(min=16, help="Tokens of text per query.")] = 2048,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show both arms' scores, bands and what authority moved.")
    ] = False,
    url: Annotated[str | None, UrlOption] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Search the live snapshot and print the best passages with their sources.

    Example: [bold]authority-search search "how does VACUUM FULL lock a table" --explain[/]
    """
    dates = None
    if published_from or published_to or drop_undated:
        undated = "drop" if drop_undated else "keep"
        dates = {"from": published_from, "to": published_to, "undated": undated}
    options = {
        "queries": query, "top_k": top_k, "profile": profile, "dates": dates, "authority": authority,
        "sources": {"include": include or [], "exclude": exclude or []}, "languages": language or [],
        "max_tokens": max_tokens,
    }  # fmt: skip
    reply = _search(context, url, options)
    if as_json:
        print_json(reply)
    else:
        print_search(reply, explain)


@app.command(name="open")
def open_command(
    context: typer.Context,
    target: Annotated[list[str], typer.Argument(help="URLs of indexed pages, or passage ids.")],
    offset: Annotated[int, typer.Option(min=0, help="Tokens to skip, for the next part of a long page.")] = 0,
    max_tokens: Annotated[int, typer.Option(min=16, help="Tokens of text per target.")] = 2048,
    neighbours: Annotated[int, typer.Option(min=0, max=50, help="Passages around an opened passage.")] = 1,
    url: Annotated[str | None, UrlOption] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Print the text of indexed pages, or of passages with their neighbours.

    Example: [bold]authority-search open https://docs.python.org/3/library/bisect.html[/]
    """
    options = {"targets": target, "offset": offset, "max_tokens": max_tokens, "neighbours": neighbours}
    reply = _open(context, url, options)
    if as_json:
        print_json(reply)
    else:
        _print_open(reply)
    if any(result.status != "ok" for result in reply.results):
        raise typer.Exit(1)


def _search(context: typer.Context, url: str | None, options: dict[str, Any]) -> SearchReply:
    with _readable_errors():
        request = SearchRequest(**options)
    if url is not None:
        with Client(url) as client:
            return client.search(**options)
    settings = settings_of(context)
    snapshot = open_store(settings).open()
    reranker = load_reranker(settings.reranker, settings.encoder)
    return Searcher(snapshot, load_encoder(settings.encoder), settings.ranking, reranker).search(request)


def _open(context: typer.Context, url: str | None, options: dict[str, Any]) -> OpenReply:
    with _readable_errors():
        request = OpenRequest(**options)
    if url is not None:
        with Client(url) as client:
            return client.open(**options)
    return open_targets(open_store(settings_of(context)).open(), request)


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise InvalidRequest(explain_errors(error.errors())) from error


def print_search(reply: SearchReply, explain: bool) -> None:
    """Print a reply, query by query."""
    for result in reply.results:
        out.print(f"\n[bold]{escape(result.query)}[/]  ({len(result.hits)} of {result.candidates} candidates)")
        if result.status == "empty":
            out.print("  nothing found; try other words, or fewer filters")
        for hit in result.hits:
            _print_hit(hit, explain)
    for one in reply.degraded:
        out.print(f"[bold red]degraded:[/] the {one.part} failed: {escape(one.reason)}")
    out.print(f"\nsnapshot {reply.snapshot}; {reply.excluded_passages:,} passages excluded by filters")


def _print_hit(hit: Hit, explain: bool) -> None:
    out.print(f"{hit.rank:>3}. [bold]{escape(' > '.join([hit.title, *hit.heading_path]))}[/]")
    out.print(f"     {escape(hit.url)}")
    source = hit.source
    dates = [f"{name} {value.value} ({value.origin})" for name, value in hit.dates if value is not None]
    out.print(f"     {escape(source.name)}, tier {source.tier}, authority {source.authority:.2f}; {'; '.join(dates)}")
    if explain and hit.explanation:
        said = hit.explanation
        reranked = "" if said.reranker is None else f"; reranker {said.reranker}"
        out.print(
            f"     score {said.fused:.3f}, band {said.band}; lexical {said.lexical.raw} (rank {said.lexical.rank}), "
            f"dense {said.dense.raw} (rank {said.dense.rank}){reranked}; authority moved it {said.authority_moved:+d}; "
            f"passage {hit.passage_id}"
        )
    text = " ".join(hit.text.split())
    out.print(f"     {escape(text[:SHOWN_CHARACTERS])}{'…' if len(text) > SHOWN_CHARACTERS else ''}")


def _print_open(reply: OpenReply) -> None:
    for result in reply.results:
        if result.status != "ok":
            out.print(f"[bold red]{escape(result.target)}:[/] {escape(result.error or result.status)}")
            continue
        out.print(f"[bold]{escape(result.title or '')}[/]\n{escape(result.url or '')}\n")
        out.print(escape(result.text))
        if result.next_offset is not None:
            out.print(
                f"\n({result.tokens:,} of {result.total_tokens:,} tokens; next part: --offset {result.next_offset})"
            )
