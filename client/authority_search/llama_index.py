"""A LlamaIndex retriever over the service. Needs the extra `llama-index`."""

from contextlib import nullcontext
from typing import Any, Unpack

from authority_search._calls import SearchOptions
from authority_search._client import DEFAULT_URL, AsyncClient, Client
from authority_search._metadata import metadata_of
from authority_search.models import Hit, SearchReply

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
except ModuleNotFoundError as error:
    raise ImportError("LlamaIndex is not installed; pip install 'authority_search[llama-index]'") from error

# What a model has no use for; it reads the rest of the metadata above the text.
_NOT_FOR_MODELS = ["passage_id", "rank", "score", "language"]


class AuthoritySearchRetriever(BaseRetriever):
    """Passages as LlamaIndex nodes; `retrieve`, `aretrieve`, and whatever else a LlamaIndex retriever does.

    Options are those of `Client.search`. `client` and `async_client` are used, and left open, where they are given;
    otherwise each call opens one to `base_url`. Raises AuthoritySearchError.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        client: Client | None = None,
        async_client: AsyncClient | None = None,
        **options: Unpack[SearchOptions],
    ) -> None:
        super().__init__()
        self._base_url = base_url
        self._client = client
        self._async_client = async_client
        self._options: dict[str, Any] = {"top_k": 5, "explain": False, **options}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        with nullcontext(self._client) if self._client else Client(self._base_url) as client:
            return _nodes(client.search(query_bundle.query_str, **self._options))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        async with nullcontext(self._async_client) if self._async_client else AsyncClient(self._base_url) as client:
            return _nodes(await client.search(query_bundle.query_str, **self._options))


def _nodes(reply: SearchReply) -> list[NodeWithScore]:
    return [NodeWithScore(node=_node(hit), score=hit.score) for hit in reply.results[0].hits]


def _node(hit: Hit) -> TextNode:
    return TextNode(
        id_=hit.passage_id,
        text=hit.text,
        metadata=metadata_of(hit),
        excluded_llm_metadata_keys=_NOT_FOR_MODELS,
        excluded_embed_metadata_keys=_NOT_FOR_MODELS,
    )
