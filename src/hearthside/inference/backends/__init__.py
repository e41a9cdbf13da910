"""Model servers, a file each; all of them pass tests/contracts/test_backends.py.

| backend | file |
|---|---|
| `llama_cpp`, embedded in the compute node | `llama_cpp.py` |
| `openai_http`, a server that speaks OpenAI's API (llama-server, vLLM, Ollama, LM Studio) | `openai_http.py` |

What a backend must do stands in `inference/backend.py`. A new one is a new file here and a line in the contract test.
"""
