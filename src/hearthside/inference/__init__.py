"""The compute node: a language model and a text embedder in a child process, and the registry of personal adapters."""
