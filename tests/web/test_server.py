"""The served station over the wire: pages, API, uploads, the guard, and how it starts and stops."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from hearthside.errors import NeedsPerson
from hearthside.web.server import listen, serve
from tests.web.demo_house import LAST_DAY, DemoHouse
from tests.web.demo_process import DemoProcess, demo_process


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    with demo_process(tmp_path_factory.mktemp("station"), token="a-token") as running:
        yield running


@pytest.fixture
def client(station: DemoProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=station.base, trust_env=False, follow_redirects=True) as opened:
        assert opened.get(station.address, headers={"accept": "text/html"}).status_code == 200
        yield opened


def test_the_station_is_closed_without_the_token(station: DemoProcess) -> None:
    with httpx.Client(base_url=station.base, trust_env=False) as stranger:
        for path in ("/", "/api/overview", "/static/theme.css", "/memory", "/openapi.json", "/docs"):
            assert stranger.get(path).status_code == 401, path
        assert stranger.post("/api/ask", json={"words": "hello"}).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/", "/day", f"/day/{LAST_DAY}", "/memory", "/known", "/training", "/health", "/nodes", "/record/00", "/at/0"],
)
def test_every_page_opens_with_the_strict_headers(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200 and "<!doctype html>" in answer.text
    assert answer.text.count("<script") == answer.text.count("<script nonce=")
    assert "unsafe-inline" not in answer.headers["content-security-policy"].partition("script-src")[2].partition(";")[0]
    addresses = re.findall(r"""(?:src|href)="([^"]*)"|url\(["']?([^"')]*)""", answer.text)
    assert addresses and all((one or other).startswith(("/", "#", "data:")) for one, other in addresses)


def test_a_foreign_page_and_a_foreign_name_are_refused(client: httpx.Client) -> None:
    assert client.post("/api/search", json={"words": "x"}, headers={"origin": "http://evil.example"}).status_code == 403
    assert client.get("/api/overview", headers={"host": "evil.example"}).status_code == 421


def test_a_websocket_from_another_page_is_refused(client: httpx.Client, station: DemoProcess) -> None:
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    port = int(station.base.rpartition(":")[2])

    def status_line(origin: str) -> str:
        request = (
            "GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{port}\r\nOrigin: {origin}\r\nCookie: {cookies}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(request.encode())
            return connection.recv(200).decode(errors="replace").partition("\r\n")[0]

    assert " 403 " in status_line("http://evil.example")
    assert " 101 " in status_line(station.base)


def test_the_api_gives_what_the_pages_show(client: httpx.Client) -> None:
    assert client.get("/api/overview").json()["person"] == "Mira"
    day = client.get(f"/api/day/{LAST_DAY}").json()
    assert len(day["lanes"]) == 6 and len(day["series"][0]["values"]) == 1440
    one = client.get(f"/api/slice/{day['start_ms'] + 9 * 3_600_000}").json()
    assert one["local"] == f"{LAST_DAY}T09:00+01:00"
    assert client.get("/api/jobs").json() == []
    hits = client.post("/api/search", json={"words": "alder", "layer": ["text"]}).json()
    assert hits and all(hit["layer"] == "text" for hit in hits)


def test_the_api_tells_problems_as_sentences(client: httpx.Client) -> None:
    answer = client.get("/api/day/someday")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "bad-date")
    for body in (b"[1]", b"{", b"{" + b" " * 70_000 + b"}"):
        assert client.post("/api/search", content=body).status_code == 400
    assert client.post("/api/ask", json={"words": "  "}).status_code == 400


def test_an_answer_streams_as_lines(client: httpx.Client) -> None:
    with client.stream("POST", "/api/ask", json={"words": "How long did I sleep?"}) as answer:
        lines = [orjson.loads(line) for line in answer.iter_lines() if line]
    pieces = [line["piece"] for line in lines if "piece" in line]
    assert len(pieces) > 3 and "".join(pieces).strip() == lines[-1]["answer"]["text"]
    assert lines[-1]["answer"]["mode"] == "computed" and lines[-1]["answer"]["evidence"]


def test_an_unexpected_error_is_told_without_its_words(client: httpx.Client, station: DemoProcess) -> None:
    with client.stream("POST", "/api/ask", json={"words": "break", "conversation": "another-talk"}) as answer:
        last = [orjson.loads(line) for line in answer.iter_lines() if line][-1]
    assert last["error"]["code"] == "unexpected"
    assert "secret" not in station.log.read_text()


def test_a_new_conversation_is_begun_by_a_new_cookie(client: httpx.Client) -> None:
    name = next(one for one in client.cookies if one.startswith("hearthside_conversation"))
    before = client.cookies[name]
    client.get("/new")
    assert client.cookies[name] != before


def test_files_are_received_whole_and_imported(client: httpx.Client) -> None:
    batch = client.post("/api/uploads").json()["batch"]
    content = b"line\n" * 50_000
    assert client.put(f"/api/uploads/{batch}/..%2F..%2Fchat.txt", content=content).status_code in (200, 404)
    assert client.put(f"/api/uploads/{batch}/chat.csv", content=content).json() == {"bytes": len(content)}
    assert "job" in client.post(f"/api/uploads/{batch}/import").json()
    job = client.get("/api/jobs").json()[-1]
    assert f"chat.csv {len(content)}" in " ".join(job["details"])
    assert client.put(f"/api/uploads/{batch}/late.csv", content=b"").status_code == 400  # the batch has ended
    assert client.post(f"/api/uploads/{batch}/import").status_code == 400


def test_a_taken_port_and_a_public_address_are_plain_sentences() -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(NeedsPerson, match="is taken") as caught:
            listen("127.0.0.1", taken.getsockname()[1])
    assert caught.value.code == "port-taken"
    with pytest.raises(NeedsPerson, match="not loopback"):
        listen("0.0.0.0", 0)


def test_serve_reports_a_taken_port_before_it_builds_anything() -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(NeedsPerson):
            serve(DemoHouse(), "127.0.0.1", taken.getsockname()[1], lambda _: None, threading.Event())


def test_nothing_is_written_beside_the_vault(station: DemoProcess) -> None:
    left = [path.name for path in Path(station.log).parent.iterdir()]
    assert left == [station.log.name]
