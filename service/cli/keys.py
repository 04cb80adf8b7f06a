"""Commands around API keys."""

from typing import Annotated

import typer
from rich.table import Table

from service.access.keys import KeyFile, Scope
from service.cli.console import JsonOption, err, out, print_json, settings_of

app = typer.Typer()
keys_app = typer.Typer(no_args_is_help=True, help="API keys: who may ask this service, and how much.")
app.add_typer(keys_app, name="keys")


@keys_app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose key it is; shown in logs and metrics.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it is for; admin reads /metrics. May be repeated. Default: search.")
    ] = None,
    quota: Annotated[
        int | None, typer.Option(min=1, help="Queries a minute; each query of a batch counts. Default: no limit.")
    ] = None,
    as_json: Annotated[bool, JsonOption] = False,
) -> None:
    """Make a key and print it: it cannot be shown again. A running service takes it at once.

    Example: [bold]authority-search keys create trainer --quota 60000[/]
    """
    scopes = tuple(dict.fromkeys(scope or [Scope.SEARCH]))
    key = KeyFile(settings_of(context).data_dir).create(name, scopes, quota)
    if as_json:
        print_json({"name": name, "key": key, "scopes": scopes, "queries_per_minute": quota})
        return
    err.print("This key is shown only now; send it as Authorization: Bearer KEY:")
    out.print(key)


@keys_app.command(name="list")
def list_keys(context: typer.Context, as_json: Annotated[bool, JsonOption] = False) -> None:
    """List the keys: names, scopes, quotas; the keys themselves are kept nowhere.

    Example: [bold]authority-search keys list --json[/]
    """
    keys = KeyFile(settings_of(context).data_dir).keys()
    if as_json:
        fields = ("name", "scopes", "queries_per_minute", "created")
        print_json({"keys": [{field: getattr(key, field) for field in fields} for key in keys]})
        return
    if not keys:
        out.print("no keys; make one with `authority-search keys create NAME`")
        return
    table = Table("name", "scopes", "queries a minute", "created", box=None)
    for key in keys:
        quota = "no limit" if key.queries_per_minute is None else f"{key.queries_per_minute:,}"
        table.add_row(key.name, ", ".join(key.scopes), quota, key.created)
    out.print(table)


@keys_app.command()
def revoke(
    context: typer.Context, name: Annotated[str, typer.Argument(help="The key's name, as `list` shows it.")]
) -> None:
    """Make a key worthless at once, for a running service too.

    Example: [bold]authority-search keys revoke trainer[/]
    """
    KeyFile(settings_of(context).data_dir).revoke(name)
    out.print(f"revoked: {name}")
