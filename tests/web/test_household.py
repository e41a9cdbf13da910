"""Two persons in one station, over the wire: with the keys of one, nothing of the other is reached by any way."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.web.demo_house import LAST_DAY
from tests.web.demo_process import DemoProcess, demo_process
from tests.web.demo_station import LIVE_EVENT, bearer

PAGES = ("/", "/day", f"/day/{LAST_DAY}", "/memory", "/training", "/health", "/nodes", f"/record/{2:032x}",
         "/at/0", "/nowhere")  # fmt: skip
READING = ("/api/overview", f"/api/day/{LAST_DAY}", "/api/slice/1774939440000", "/api/jobs")
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    """Mira and Tomas; everything that libraries would log is logged."""
    folder = tmp_path_factory.mktemp("household")
    with demo_process(folder, "full", "the-token", "--household", "--debug", residents=2) as running:
        yield running


@contextmanager
def signed_in(station: DemoProcess, number: int) -> Iterator[httpx.Client]:
    """A browser that opened one resident's link."""
    with httpx.Client(base_url=station.base, trust_env=False, follow_redirects=True) as client:
        assert client.get(station.links[number], headers=PAGE).status_code == 200
        yield client


@pytest.fixture
def mira(station: DemoProcess) -> Iterator[httpx.Client]:
    with signed_in(station, 0) as client:
        yield client


@pytest.fixture
def tomas(station: DemoProcess) -> Iterator[httpx.Client]:
    with signed_in(station, 1) as client:
        yield client


def everything_read(client: httpx.Client, **options: Any) -> str:
    """All that can be read with a client's keys, as one text."""
    said = [client.get(path, headers=PAGE, **options).text for path in PAGES]
    said += [client.get(path, **options).text for path in READING]
    said.append(client.post("/api/search", json={"words": "fish alder dinner slides"}, **options).text)
    said.append(client.post("/api/ask", json={"words": "How long did I sleep?"}, **options).text)
    return "\n".join(said)


def test_each_reads_their_own_and_nothing_of_the_other(mira: httpx.Client, tomas: httpx.Client) -> None:
    for client, own, other in ((mira, "mira", "tomas"), (tomas, "tomas", "mira")):
        client.post("/api/uploads/none/import")
        said = everything_read(client)
        assert said.count(f"canary-{own}") > 5
        assert f"canary-{other}" not in said
        assert f"<b>{own.title()}</b>" in said.replace("\\u003c", "<").replace("&lt;", "<").replace("&gt;", ">")


def test_an_api_token_reads_its_owners_house_only(station: DemoProcess, mira: httpx.Client) -> None:
    read = bearer("Tomas", "memory.read")
    with httpx.Client(base_url=station.base, trust_env=False) as script:
        for one in (script, mira):  # a cookie beside it changes nothing
            said = "".join(one.get(path, headers=read).text for path in READING[:3])
            said += one.post("/api/search", json={"words": "fish"}, headers=read).text
            said += one.post("/api/ask", json={"words": "sleep"}, headers=bearer("Tomas", "ask")).text
            assert "canary-tomas" in said and "canary-mira" not in said


def test_what_is_captured_goes_to_whose_token_it_came_with(
    station: DemoProcess, mira: httpx.Client, tomas: httpx.Client
) -> None:
    # the cookie that comes with it says nothing
    answer = mira.post("/api/events", headers=bearer("Tomas", "capture.write"), json=LIVE_EVENT)
    assert answer.status_code == 200
    assert "canary-tomas 1 captured" in titles(tomas) and not any("captured" in title for title in titles(mira))
    assert mira.post("/api/events", json=LIVE_EVENT).status_code == 401


def test_one_conversation_id_is_two_conversations(mira: httpx.Client, tomas: httpx.Client) -> None:
    talk = "the-same-conversation"
    for client in (mira, tomas):
        client.post("/api/ask", json={"words": "How long did I sleep?", "conversation": talk})
    name = next(one for one in tomas.cookies if one.startswith("hearthside_conversation"))
    tomas.cookies.set(name, talk, domain="127.0.0.1")
    mira_name = next(one for one in mira.cookies if one.startswith("hearthside_conversation"))
    tomas.cookies.set(mira_name, mira.cookies[mira_name], domain="127.0.0.1")
    said = tomas.get("/", headers=PAGE).text
    assert "canary-tomas" in said and "canary-mira" not in said


def test_an_upload_belongs_to_who_began_it(mira: httpx.Client, tomas: httpx.Client) -> None:
    batch = mira.post("/api/uploads").json()["batch"]
    assert tomas.put(f"/api/uploads/{batch}/a.csv", content=b"x").status_code == 400
    assert tomas.post(f"/api/uploads/{batch}/import").status_code == 400
    assert mira.put(f"/api/uploads/{batch}/a.csv", content=b"x").json() == {"bytes": 1}
    before = tomas.get("/api/jobs").json()
    assert "job" in mira.post(f"/api/uploads/{batch}/import").json()
    assert tomas.get("/api/jobs").json() == before
    assert any("a.csv" in " ".join(job["details"]) for job in mira.get("/api/jobs").json())


def test_a_page_of_one_cannot_upload_once_the_other_is_signed_in(mira: httpx.Client, tomas: httpx.Client) -> None:
    key = re.findall(r'data-upload=\\"([0-9a-f]{12})\\"', html.unescape(mira.get("/health", headers=PAGE).text))
    assert len(key) == 1
    answer = tomas.post("/api/uploads", headers={"x-hearthside-page-of": key[0]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "another-is-here")
    assert "batch" in mira.post("/api/uploads", headers={"x-hearthside-page-of": key[0]}).json()


def test_the_last_link_wins_and_leaving_closes_the_door(station: DemoProcess, mira: httpx.Client) -> None:
    mira.get(station.links[1], headers=PAGE)
    assert mira.get("/api/overview").json()["person"] == "Tomas"
    assert mira.get("/leave").status_code == 404  # no link signs anybody out
    mira.post("/leave")
    assert mira.get("/api/overview").status_code == 401
    assert "private home" in mira.get("/", headers=PAGE).text


# ---- sockets -----------------------------------------------------------------------------------------------------


class OpenPage:
    """A page as a browser has it: its id, and what its buttons are called on the wire."""

    def __init__(self, client: httpx.Client, path: str) -> None:
        self.text = html.unescape(client.get(path, headers=PAGE).text)
        found = re.search(r"'client_id': '([0-9a-f-]{36})'", self.text)
        assert found is not None
        self.id = found[1]

    def click(self, button: str) -> str:
        """The message that a click on a button is."""
        element = re.search(rf'"(\d+)":\{{"tag":"button","text":"{button}".*?"listener_id":"([0-9a-f-]+)"', self.text)
        assert element is not None
        body = {"id": int(element[1]), "client_id": self.id, "listener_id": element[2], "args": ["{}"]}
        return "42" + json.dumps(["event", body])


def open_socket(station: DemoProcess, client: httpx.Client | None, page: str = "", **more: str) -> ClientConnection:
    """A websocket with a client's cookies, as a browser opens it for a page."""
    query = {"EIO": "4", "transport": "websocket", **more}
    if page:
        query |= {"client_id": page, "tab_id": "tab", "document_id": "doc", "implicit_handshake": "true"}
    address = httpx.URL(station.base.replace("http://", "ws://") + "/_nicegui_ws/socket.io/", params=query)
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items()) if client is not None else ""
    return connect(str(address), additional_headers={"Cookie": cookies}, origin=None, proxy=None)


def greet(connection: ClientConnection) -> str:
    """Open the Socket.IO session; the server's answer to it."""
    assert str(connection.recv(10)).startswith("0{")
    connection.send("40")
    return str(connection.recv(10))


def titles(client: httpx.Client) -> list[str]:
    return [job["title"] for job in client.get("/api/jobs").json()]


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def test_a_socket_of_one_is_refused_for_a_page_of_the_other(
    station: DemoProcess, mira: httpx.Client, tomas: httpx.Client
) -> None:
    page = OpenPage(mira, "/health")
    with open_socket(station, tomas, page.id) as connection:
        assert greet(connection).startswith("44")  # connect error: nothing of the page is sent
    with open_socket(station, mira, page.id) as connection:
        assert greet(connection).startswith("40")


def test_a_socket_of_one_drives_no_page_of_the_other(
    station: DemoProcess, mira: httpx.Client, tomas: httpx.Client
) -> None:
    page, own = OpenPage(mira, "/health"), OpenPage(tomas, "/health")
    handshake = {"client_id": page.id, "tab_id": "tab", "document_id": "doc"}
    with open_socket(station, mira, page.id) as alive, open_socket(station, tomas, own.id) as forged:
        assert greet(alive).startswith("40") and greet(forged).startswith("40")
        forged.send("421" + json.dumps(["handshake", handshake]))
        forged.send(page.click("Back up now"))
        forged.send(own.click("Verify everything"))
        wait_until(lambda: any("Verifying everything" in title for title in titles(tomas)))  # later than the forged one
        assert not any("Backing up" in title for title in titles(mira))
        alive.send(page.click("Back up now"))
        wait_until(lambda: any("Backing up" in title for title in titles(mira)))


def test_sockets_need_the_cookie_and_there_is_no_polling(station: DemoProcess, mira: httpx.Client) -> None:
    page = OpenPage(mira, "/")
    with pytest.raises(InvalidStatus, match="403"):
        open_socket(station, None, page.id)
    polling = mira.get("/_nicegui_ws/socket.io/", params={"EIO": "4", "transport": "polling", "client_id": page.id})
    assert polling.status_code == 400


# ---- what the log holds ------------------------------------------------------------------------------------------


def test_no_key_is_in_any_log_page_or_answer(station: DemoProcess, mira: httpx.Client, tomas: httpx.Client) -> None:
    """After all the ways keys can be sent, right and wrong; runs last, so that the whole module's log is read."""
    said = []
    for client in (mira, tomas):
        key = next(value for name, value in client.cookies.items() if name.startswith("hearthside_key"))
        for path in ("/", "/nowhere", "/api/overview", "/api/nowhere", "/static/none", "/_nicegui/none"):
            for method in ("GET", "POST", "HEAD", "OPTIONS"):
                said.append(client.request(method, f"{path}?token=wrong-token-guess", headers=PAGE).text)
                said.append(client.request(method, f"{path}?a=1&token=the-token-mira", headers=PAGE).text)
                said.append(client.request(method, path, headers=bearer("Mira", "admin")).text)
        client.get("/record/" + "x" * 300 + "?words=secret-words")
        said.append(client.post("/api/ask", json={"words": "please break"}).text)
        with open_socket(station, client, OpenPage(client, "/").id, token="the-token-mira") as connection:
            greet(connection)
            connection.send("42" + json.dumps(["log", {"level": "error", "message": "browser-words"}]))
            connection.send("42" + json.dumps(["event", {"client_id": "", "words": "browser-words"}]))
            connection.send("2")
            assert str(connection.recv(10))
        said.append(key)
        assert key not in "".join(said[:-1])
    log = station.log.read_text()
    secrets = [said.pop(), "the-token", "wrong-token-guess", "secret-words", "browser-words", "canary"]
    secrets += [bearer(person, "admin")["Authorization"].partition(" ")[2] for person in ("Mira", "Tomas")]
    assert [one for one in secrets if one in log] == []
    for one in ("the-token", "wrong-token-guess", secrets[-1]):
        assert one not in "".join(said)
