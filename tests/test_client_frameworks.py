"""LangChain and LlamaIndex retrievers against the service, sync and async, as their frameworks call them."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from llama_index.core.schema import MetadataMode
from records import BANK

from authority_search import AsyncClient, Client, ConnectionFailed
from authority_search.langchain import AuthoritySearchRetriever as LangChainRetriever
from authority_search.llama_index import AuthoritySearchRetriever as LlamaIndexRetriever
from authority_search.models import Hit

QUERY = "policy rate central bank"
KEYS = {
    "url", "title", "section", "source", "source_name", "tier", "authority", "language", "published", "modified",
    "crawled", "passage_id", "rank", "score",
}  # fmt: skip


@pytest.fixture(scope="module")
def hits(letter_service: str) -> list[Hit]:
    with Client(letter_service) as client:
        return client.search(QUERY, top_k=3, explain=False).results[0].hits


def test_langchain_gets_documents_with_their_evidence(letter_service: str, hits: list[Hit]) -> None:
    retriever = LangChainRetriever(base_url=letter_service, top_k=3)
    documents = retriever.invoke(QUERY)
    assert [document.page_content for document in documents] == [hit.text for hit in hits]
    assert [document.id for document in documents] == [hit.passage_id for hit in hits]
    best = documents[0].metadata
    assert set(best) == KEYS
    assert (best["url"], best["section"], best["authority"]) == (f"https://{BANK}/policy-rate", "Policy rate", 0.95)
    assert (best["published"], best["modified"], best["rank"]) == ("2024-03-01", "2024-06-30", 1)
    assert asyncio.run(retriever.ainvoke(QUERY)) == documents
    chain = retriever | RunnableLambda(lambda found: [document.metadata["source"] for document in found])
    assert chain.batch([QUERY, "banknote"])[0] == [hit.source.id for hit in hits]


def test_llama_index_gets_nodes_with_their_evidence(letter_service: str, hits: list[Hit]) -> None:
    retriever = LlamaIndexRetriever(letter_service, top_k=3)
    nodes = retriever.retrieve(QUERY)
    assert [(node.node_id, node.text, node.score) for node in nodes] == [
        (hit.passage_id, hit.text, hit.score) for hit in hits
    ]
    assert set(nodes[0].metadata) == KEYS
    assert asyncio.run(retriever.aretrieve(QUERY)) == nodes
    read = nodes[0].node.get_content(MetadataMode.LLM)
    assert f"url: https://{BANK}/policy-rate" in read
    assert "published: 2024-03-01" in read
    assert hits[0].passage_id not in read


def test_options_reach_the_service_and_given_clients_stay_open(letter_service: str) -> None:
    narrow: dict[str, Any] = {"sources": {"include_domains": [f"{BANK}/zh"]}, "max_per_page": 1}

    async def asynchronously() -> None:
        async with AsyncClient(letter_service) as client:
            found = await LangChainRetriever(async_client=client, options=narrow).ainvoke("利率")
            nodes = await LlamaIndexRetriever(async_client=client, **narrow).aretrieve("利率")
            assert [document.id for document in found] == [node.node_id for node in nodes]
            assert (await client.health()).status == "ok"

    asyncio.run(asynchronously())
    with Client(letter_service) as client:
        found = LangChainRetriever(client=client, options=narrow).invoke("利率")
        assert {document.metadata["url"] for document in found} == {
            f"https://{BANK}/zh/利率",
            f"https://{BANK}/zh/纸币",
        }
        assert len(LlamaIndexRetriever(client=client, **narrow).retrieve("利率")) == 2
        assert client.health().status == "ok"


def test_a_failure_is_an_error_of_the_client() -> None:
    with Client("http://127.0.0.1:9", retries=0) as client:
        with pytest.raises(ConnectionFailed):
            LangChainRetriever(client=client).invoke(QUERY)
        with pytest.raises(ConnectionFailed):
            LlamaIndexRetriever(client=client).retrieve(QUERY)


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [("langchain", "langchain_core", "langchain"), ("llama_index", "llama_index", "llama-index")],
)
def test_a_missing_framework_names_its_extra(module: str, missing: str, extra: str) -> None:
    # None in sys.modules is what Python itself treats as not installed.
    code = f"import sys; sys.modules[{missing!r}] = None; import authority_search.{module}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"pip install 'authority_search[{extra}]'" in ended.stderr.splitlines()[-1]
