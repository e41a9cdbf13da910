"""The process in which a job is plaintext: opens it in memory, trains, seals the result to the home, and ends.

One frame comes in on standard input (sealed job and data key), frames go out on standard output (progress, then a
result or an error). Nothing is written to disk, and an error carries the place in the code but never a value.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from hearthside.errors import HearthsideError, Refused, RetryLater
from hearthside.events import Json
from hearthside.workshop.child_process import guard_process, private_stdout, read_frame, write_frame
from hearthside.workshop.job import SAMPLES_PATH, JobManifest, decode_samples, manifest_from_json, matches
from hearthside.workshop.recipes import Progress, Trained, load_recipe
from hearthside.workshop.sealing import RESULT_INFO, SealedFile, cut, new_data_key, open_file, seal_file, seal_key


def main() -> None:
    """Entry point of the process."""
    orphaned = guard_process()
    out = private_stdout()
    sys.excepthook = lambda kind, error, trace: _report(out, kind, error, trace)
    header, blob = read_frame(sys.stdin.buffer)
    manifest = manifest_from_json(header["manifest"])
    data_key = base64.b64decode(header["data_key"])
    sealed = SealedFile(header["path"], bytes.fromhex(header["file_id"]), cut(blob, header["sizes"]))
    trained = _train(manifest, data_key, sealed, header, out, orphaned)
    files = result_files(trained, Path(header["base"]), manifest.base_sha256)
    _send_result(out, manifest, files, trained, base64.b64decode(header["home_key"]))


def _train(
    manifest: JobManifest,
    data_key: bytes,
    sealed: SealedFile,
    header: Mapping[str, Json],
    out: BinaryIO,
    orphaned: Callable[[], bool],
) -> Trained:
    payload = open_file(data_key, manifest.job_hash, sealed)
    samples = decode_samples(payload)
    if sealed.path != SAMPLES_PATH or not matches(manifest, payload, samples):
        raise Refused("job-not-as-manifest", "The sealed samples are not what the manifest says; nothing was trained.")

    def progress(now: Progress) -> None:
        write_frame(out, {"type": "progress", **asdict(now)})

    return load_recipe(manifest.recipe).train(
        Path(header["base"]),
        samples,
        manifest.parameters,
        threads=int(header["threads"]),
        progress=progress,
        stop=orphaned,
        seconds=time.monotonic,
    )


def result_files(trained: Trained, base: Path, base_sha256: str) -> dict[str, bytes]:
    """The adapter for llama.cpp, and PEFT's two files."""
    # Both need the workshop extra, which a station without it must not be asked for.
    from safetensors.numpy import save

    from hearthside.workshop.adapter_gguf import (
        ADAPTER_GGUF,
        PEFT_CONFIG,
        PEFT_WEIGHTS,
        base_shape,
        config_bytes,
        export_gguf,
    )

    return {
        ADAPTER_GGUF: export_gguf(trained.tensors, trained.config, base_shape(base), base_sha256),
        PEFT_WEIGHTS: save(dict(trained.tensors), metadata={"format": "pt"}),
        PEFT_CONFIG: config_bytes(trained.config),
    }


def _send_result(
    out: BinaryIO, manifest: JobManifest, files: Mapping[str, bytes], trained: Trained, home_key: bytes
) -> None:
    data_key = new_data_key()
    sealed = [seal_file(data_key, manifest.job_hash, path, content) for path, content in files.items()]
    header = {
        "type": "result",
        "sealed_key": base64.b64encode(seal_key(data_key, home_key, RESULT_INFO + manifest.job_hash)).decode(),
        "files": [
            {
                "path": file.path,
                "file_id": file.file_id.hex(),
                "sizes": [len(chunk) for chunk in file.chunks],
                "sha256": hashlib.sha256(files[file.path]).hexdigest(),
            }
            for file in sealed
        ],
        "supervised_tokens": trained.supervised_tokens,
        "cut_tokens": trained.cut_tokens,
        "tokens_per_s": trained.tokens_per_s,
    }
    write_frame(out, header, b"".join(chunk for file in sealed for chunk in file.chunks))


def _report(out: BinaryIO, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell the workshop what went wrong: our own errors whole, others by type and place, without their words."""
    frames = traceback.extract_tb(trace)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "start"
    crashed = RetryLater(
        "training-crashed", f"The training ended with {kind.__name__} at {place}; the old adapter stays."
    )
    told = error if isinstance(error, HearthsideError) else crashed
    family = "retry" if isinstance(told, RetryLater) else "refused"
    write_frame(out, {"type": "error", "family": family, "code": told.code, "message": told.message})


if __name__ == "__main__":
    main()
