"""A process that asks llama.cpp for the log-probabilities of the next token, with adapters: the judge of our exporter.

Reads {"base", "adapters": [path], "ids", "letter", "count"} as JSON on standard input; prints, for each adapter and
last for the base alone, [[token id, log-probability], ...] of the most likely tokens.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from typing import Any

import xllamacpp


def main() -> None:
    """Entry point of the process."""
    request = json.load(sys.stdin)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = request["base"]
    parameters.n_ctx, parameters.n_parallel, parameters.warmup, parameters.verbosity = 256, 1, False, -1
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    infos = []
    for path in request["adapters"]:
        info = xllamacpp.CommonAdapterLoraInfo()
        info.path, info.scale = path, 1.0
        infos.append(info)
    parameters.lora_adapters = infos
    server = xllamacpp.Server(parameters)
    scales = [[float(row == column) for column in range(len(infos))] for row in range(len(infos) + 1)]
    answers = [_top(server.listening_address, request, row) for row in scales]
    sys.stdout.write(json.dumps(answers) + "\n")
    sys.stdout.flush()
    os._exit(0)  # the server's threads do not end by themselves


def _top(address: str, request: dict[str, Any], scales: list[float]) -> list[list[float]]:
    body = {
        "prompt": request["ids"],
        "n_predict": 1,
        "temperature": 0,
        "n_probs": request["count"],
        "cache_prompt": False,
        # The token that is sampled must be a whole letter, or the server holds its answer back; probabilities are raw.
        "logit_bias": [[request["letter"], 1000.0]],
        "lora": [{"id": index, "scale": scale} for index, scale in enumerate(scales)],
    }
    question = urllib.request.Request(
        address + "/completion", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(question, timeout=60) as answer:
        document = json.load(answer)
    return [[entry["id"], entry["logprob"]] for entry in document["completion_probabilities"][0]["top_logprobs"]]


if __name__ == "__main__":
    main()
