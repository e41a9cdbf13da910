"""The load generator counts what was really kept, by our capture and by a real ActivityWatch server."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.activitywatch_server import HOST, _request, activitywatch, activitywatch_python
from benchmarks.load import LoadResult, measure, median
from hearthside.app.rooms import SYSTEM_SOURCES
from hearthside.web.capture import capture_app
from hearthside.web.server import listen
from tests.web.capture_house import NOW, VaultHouse, served


@pytest.fixture
def house(tmp_path: Path) -> Iterator[VaultHouse]:
    opened = VaultHouse(tmp_path)
    yield opened
    opened.journal.close()


def request(port: int, token: str, extra: str, number: int) -> bytes:
    body = (
        f'{{"source":"phone","kind":"app_use","layer":"behavioural","start_ms":{NOW - number},'
        f'"payload":{{"app":"firefox","title":"page {number}"}}}}'
    )
    return (
        f"POST /api/events HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {token}\r\n{extra}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def test_every_answer_counted_is_an_event_kept(house: VaultHouse) -> None:
    token = house.make_token()
    with served(capture_app(house, SYSTEM_SOURCES)) as port:
        result = measure(HOST, port, functools.partial(request, port, token, ""), 8, 0.3, warm_up_s=0.1)
    assert result.errors == 0 and result.kept_alive
    assert result.answered == house.journal.head().seq > 0
    assert 0 < result.p50_ms <= result.p99_ms
    assert 0 < result.events_per_s * 0.3 <= result.answered * 1.01


def test_a_list_of_requests_is_sent_once_each(house: VaultHouse) -> None:
    token = house.make_token()
    with served(capture_app(house, SYSTEM_SOURCES)) as port:
        requests = [request(port, token, "", number) for number in range(50)]
        result = measure(HOST, port, requests, 7, 60, warm_up_s=0)
    assert (result.answered, result.errors) == (50, 0)
    assert house.journal.head().seq == 50


def test_a_connection_for_each_request_is_counted_the_same(house: VaultHouse) -> None:
    token = house.make_token()
    with served(capture_app(house, SYSTEM_SOURCES)) as port:
        requests = [request(port, token, "Connection: close\r\n", number) for number in range(50)]
        result = measure(HOST, port, requests, 7, 60, warm_up_s=0)
    assert (result.answered, result.errors, result.kept_alive) == (50, 0, False)
    assert house.journal.head().seq == 50


def test_what_is_refused_is_an_error_and_no_event(house: VaultHouse) -> None:
    with served(capture_app(house, SYSTEM_SOURCES)) as port:
        requests = [request(port, "hs_nobody", "", number) for number in range(20)]
        result = measure(HOST, port, requests, 4, 60, warm_up_s=0)
    assert (result.answered, result.errors, result.events_per_s) == (0, 20, 0)
    assert house.journal.head().seq == 0


def test_a_server_that_hangs_up_is_an_error() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    ports: list[int] = []
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(rude, HOST, 0)
        async with server:
            ports.append(server.sockets[0].getsockname()[1])
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        result = measure(HOST, ports[0], [b"GET / HTTP/1.1\r\n\r\n"] * 5, 2, 60, warm_up_s=0)
    finally:
        stop.set()
        thread.join()
    assert (result.answered, result.errors) == (0, 5)


def test_nobody_there_is_an_error() -> None:
    door = listen(HOST, 0)  # bound and not listening: refused, and nobody else gets the port
    try:
        result = measure(HOST, door.getsockname()[1], [b"GET / HTTP/1.1\r\n\r\n"] * 3, 1, 60, warm_up_s=0)
    finally:
        door.close()
    assert (result.answered, result.errors) == (0, 3)


def test_the_median_run_is_one_that_was_run() -> None:
    runs = [LoadResult(rate, 1, 2, 0, 10, True) for rate in (30.0, 10.0, 20.0, 40.0)]
    assert median(runs[:3]).events_per_s == 20
    assert median(runs) is runs[2]


@pytest.fixture(scope="session")
def python() -> Path:
    found = activitywatch_python(os.environ)
    if found is None:
        message = "no ActivityWatch server; benchmarks/activitywatch_server.py says how to install one"
        if os.environ.get("HEARTHSIDE_NEED_DATA") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return found


def test_activitywatch_keeps_as_many_events_as_were_counted_and_leaves_nothing_behind(python: Path) -> None:
    with activitywatch(python) as server:
        requests = server.requests()
        result = measure(HOST, server.port, [requests(number) for number in range(30)], 4, 60, warm_up_s=0)
        assert (result.answered, result.errors, result.kept_alive) == (30, 0, False)
        assert server.count() == 30
        pid, folder = server.pid, server.folder
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_activitywatch_syncs_are_watched_where_there_is_strace(python: Path) -> None:
    with activitywatch(python) as server:
        syncs = server.syncs_per_event(events=3)
        if syncs is None:
            pytest.skip("strace is absent or may not watch other processes here")
        assert syncs >= 1
        assert server.count() == 3


def test_where_activitywatch_is_looked_for(tmp_path: Path) -> None:
    here = tmp_path / "python"
    assert activitywatch_python({"HEARTHSIDE_ACTIVITYWATCH": str(here)}) is None
    here.touch()
    assert activitywatch_python({"HEARTHSIDE_ACTIVITYWATCH": str(here)}) == here


def test_all_requests_to_activitywatch_are_equally_long_and_different() -> None:
    requests = [_request(5600, number) for number in (0, 1, 999, 1000, 10**6, 10**9)]
    assert len({len(each) for each in requests}) == 1 and len(set(requests)) == 6
