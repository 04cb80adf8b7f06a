"""A LangChain retriever over the service. Needs the extra `langchain`."""

from contextlib import nullcontext
from typing import Any

from pydantic import Field

from authority_search._client import DEFAULT_URL, AsyncClient, Client
from authority_search._metadata import metadata_of
from authority_search.models import SearchReply

try:
    from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ModuleNotFoundError as error:
    raise ImportError("LangChain is not installed; pip install 'authority_search[langchain]'") from error


class AuthoritySearchRetriever(BaseRetriever):
    """Passages as LangChain documents; `invoke`, `ainvoke`, and whatever else a LangChain retriever does.

    `options` are those of `Client.search`. `client` and `async_client` are used, and left open, where they are given;
    otherwise each call opens one to `base_url`. Raises AuthoritySearchError.
    """

    base_url: str = DEFAULT_URL
    top_k: int = 5
    options: dict[str, Any] = Field(default_factory=dict)
    client: Client | None = None
    async_client: AsyncClient | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[Document]:
        with nullcontext(self.client) if self.client else Client(self.base_url) as client:
            return _documents(client.search(query, top_k=self.top_k, explain=False, **self.options))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[Document]:
        async with nullcontext(self.async_client) if self.async_client else AsyncClient(self.base_url) as client:
            return _documents(await client.search(query, top_k=self.top_k, explain=False, **self.options))


def _documents(reply: SearchReply) -> list[Document]:
    return [
        Document(id=hit.passage_id, page_content=hit.text, metadata=metadata_of(hit)) for hit in reply.results[0].hits
    ]
