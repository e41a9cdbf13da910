"""Answers of speech servers as recorded in their trackers, replayed over real sockets; none of them was run here.

Sources: whisper.cpp pull request 1781; vLLM pull requests 24209 (first form) and 31059; LocalAI issue 5327; speaches
issue 86.
"""

from __future__ import annotations

import email
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WHISPER_CPP = b"""{"task":"transcribe","language":"english","duration":5.0,
"text":" That's one small step for man.\\n One giant leap for mankind.\\n",
"segments":[{"id":0,"text":" That's one small step for man.","start":0,"end":2.5,"tokens":[1320,338],
"words":[{"word":" That","start":0.16,"end":0.31,"probability":0.314}],"temperature":0.0,"avg_logprob":-0.25,
"no_speech_prob":0.01},{"id":1,"text":" One giant leap for mankind.","start":2.5,"end":5,"tokens":[],"words":[],
"temperature":0.0,"avg_logprob":-0.5,"no_speech_prob":0.01}]}"""

VLLM_FIRST = b"""{"duration":"17.653125","language":"en","text":" Hey, who remembers?","segments":[{"id":42,
"avg_logprob":-1.0,"compression_ratio":-1.0,"end":11.540000000000001,"no_speech_prob":-1.0,"seek":0,"start":0.0,
"temperature":0.0,"text":" Hey, who remembers?","tokens":[]}]}"""

VLLM = b"""{"duration":"30.0","language":"en","text":" as well as a beginning","segments":[{"id":0,
"avg_logprob":-0.1057461668860924,"compression_ratio":null,"end":7.2,"no_speech_prob":null,"seek":0,"start":0.0,
"temperature":0.0,"text":" as well as a beginning","tokens":[382,731]}],"words":null}"""

LOCAL_AI = b"""{"segments":[{"id":0,"start":0,"end":2480000000,"text":" Hallo zusammen.","tokens":[50364]},
{"id":1,"start":2480000000,"end":4000000000,"text":" ","tokens":[]}],"text":"Hallo zusammen."}"""

SPEACHES_NO_SEGMENTS = b"""{"task":"transcribe","language":"english","duration":3.29,"text":"he might",
"words":[],"segments":[]}"""


@dataclass
class Speech:
    """What is answered, and what was asked: form fields, file name, file, authorization."""

    status: int = 200
    body: bytes = WHISPER_CPP
    headers: dict[str, str] = field(default_factory=dict)
    sounds_only: bool = False  # 400 for what is no WAV file
    url: str = ""
    asked: list[tuple[dict[str, str], str, bytes, str]] = field(default_factory=list)


@contextmanager
def speech_server(speech: Speech) -> Iterator[Speech]:
    """Serve on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            fields, name, raw = dict[str, str](), "", b""
            for part in email.message_from_bytes(head + body).get_payload():
                assert isinstance(part, email.message.Message)
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                if part.get_filename():
                    name, raw = str(part.get_filename()), content
                else:
                    fields[str(part.get_param("name", header="Content-Disposition"))] = content.decode()
            speech.asked.append((fields, name, raw, self.headers.get("Authorization", "")))
            known = self.path == "/v1/audio/transcriptions"
            readable = not speech.sounds_only or (raw[:4] == b"RIFF" and len(raw) > 44)
            self.send_response(404 if not known else speech.status if readable else 400)
            for key, value in speech.headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(speech.body if readable else b'{"error":"failed to read WAV file"}')

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    speech.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield speech
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
