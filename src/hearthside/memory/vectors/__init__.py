"""The vector store: sealed segments of embeddings, searched by 1-bit codes in memory and rescored in float16."""

from hearthside.memory.vectors.store import VectorStore

__all__ = ["VectorStore"]
