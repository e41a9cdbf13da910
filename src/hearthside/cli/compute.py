"""`hearthside compute`: this machine thinks for a home elsewhere in the network, and keeps nothing of what it hears."""

from __future__ import annotations

import fcntl
import os
import resource
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.panel import Panel
from rich.text import Text

from hearthside.cli.common import err, out, progress_bar
from hearthside.config import Settings
from hearthside.errors import NeedsPerson
from hearthside.logs import start_logging

if TYPE_CHECKING:
    from hearthside.inference.remote.node_identity import NodeIdentity
    from hearthside.inference.shelf import ModelFile
    from hearthside.inference.supervisor import NodeOptions, NodeState

app = typer.Typer()

FOLDER = Path("~/.local/share/hearthside-compute").expanduser()
PORT = 8421
_LOOK_S = 30.0  # between looks whether the machine has other addresses

_FOLDER = Annotated[
    Path, typer.Option("--folder", envvar="HEARTHSIDE_COMPUTE_FOLDER", help="Folder of its key; one for each home.")
]
_LISTEN = Annotated[
    str, typer.Option("--listen", envvar="HEARTHSIDE_COMPUTE_LISTEN", help="Own address to listen on; default: all.")
]
_PORT = Annotated[
    int, typer.Option("--port", envvar="HEARTHSIDE_COMPUTE_PORT", min=0, max=65535, help="Port; 0 takes a free one.")
]
_MODEL = Annotated[
    Path | None,
    typer.Option("--model", envvar="HEARTHSIDE_MODEL_PATH", help="GGUF file to serve; default: the embedded one."),
]
_SERVER = Annotated[
    str, typer.Option(envvar="HEARTHSIDE_MODEL_SERVER", help="Model server on this machine that answers instead.")
]
_SERVER_MODEL = Annotated[
    str, typer.Option(envvar="HEARTHSIDE_MODEL_SERVER_MODEL", help="Which of its models; default: the first.")
]
_SERVER_KEY = Annotated[
    Path | None, typer.Option(envvar="HEARTHSIDE_MODEL_SERVER_KEY_FILE", help="File with its API key, mode 600.")
]
_SPEECH = Annotated[
    str,
    typer.Option(
        envvar="HEARTHSIDE_SPEECH_SERVER",
        help="Server on this machine that turns speech into text (whisper.cpp, speaches); without: English only.",
    ),
]
_SPEECH_MODEL = Annotated[
    str, typer.Option(envvar="HEARTHSIDE_SPEECH_SERVER_MODEL", help="Model to ask it for; empty: the one it has.")
]
_SPEECH_KEY = Annotated[
    Path | None, typer.Option(envvar="HEARTHSIDE_SPEECH_SERVER_KEY_FILE", help="File with its API key, mode 600.")
]
_THREADS = Annotated[
    int, typer.Option(envvar="HEARTHSIDE_MODEL_THREADS", min=1, max=64, help="Processor threads for the model.")
]
_CONTEXT = Annotated[
    int, typer.Option(envvar="HEARTHSIDE_CONTEXT_TOKENS", min=512, max=131072, help="Tokens of context.")
]
_ERASE = Annotated[
    float,
    typer.Option(envvar="HEARTHSIDE_ERASE_AFTER_S", min=0, help="Idle seconds until its memory is emptied; 0: never."),
]
_PAIR = Annotated[bool, typer.Option("--pair", help="Forget the home it served, and pair anew.")]
_NO_ANNOUNCE = Annotated[bool, typer.Option("--no-announce", help="Say nothing in the network; pair by address.")]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the node listens, and whether it says so in the network."""

    listener: socket.socket
    addresses: list[str]
    announced: bool

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def words(self) -> str:
        """As it is typed at the home."""
        host = self.addresses[0] if self.addresses else "ADDRESS"
        if self.port == PORT:
            return host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


@app.command()
def compute(
    folder: _FOLDER = FOLDER,
    listen: _LISTEN = "0.0.0.0",
    port: _PORT = PORT,
    model: _MODEL = None,
    model_server: _SERVER = "",
    model_server_model: _SERVER_MODEL = "",
    model_server_key_file: _SERVER_KEY = None,
    speech_server: _SPEECH = "",
    speech_server_model: _SPEECH_MODEL = "",
    speech_server_key_file: _SPEECH_KEY = None,
    threads: _THREADS = 1,
    context: _CONTEXT = 2048,
    erase_after: _ERASE = 900.0,
    pair: _PAIR = False,
    no_announce: _NO_ANNOUNCE = False,
    verbose: Annotated[bool, typer.Option(help="Log more.")] = False,
) -> None:
    """Think for a home elsewhere in the network: pair once, then serve a model to it. Ctrl-C ends it."""
    from hearthside.app.compute import server_of, side_of
    from hearthside.inference.remote.announce import own_addresses
    from hearthside.inference.remote.lan_door import LanDoor, open_listener
    from hearthside.inference.remote.node_identity import NodeIdentity, forget_pairing
    from hearthside.inference.supervisor import NodeOptions

    start_logging(verbose)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not write prompts to a disk
    folder = folder.expanduser()
    settings = Settings.model_construct(
        model_path=model.expanduser() if model is not None else None,
        model_server=model_server,
        model_server_model=model_server_model,
        model_server_key_file=model_server_key_file,
        speech_server=speech_server,
        speech_server_model=speech_server_model,
        speech_server_key_file=speech_server_key_file,
    )
    with _stopping() as stop, _alone(folder), open_listener(listen, port) as listener:
        server, side = server_of(settings), side_of(settings)
        _check(settings)
        place = _Place(listener, own_addresses(listener.getsockname()[0]), not no_announce)
        if pair:
            forget_pairing(folder)
        identity = NodeIdentity.of(folder) or _paired(folder, place, stop)
        if identity is None:
            raise typer.Exit(0 if stop.is_set() else 1)
        door = LanDoor(listener, identity)
        door.shut()
        options = NodeOptions(
            threads, context, heads_folder=folder / "heads", server=server, erase_after_s=erase_after, door=door,
            side=side,
        )  # fmt: skip
        _serve(_hashed(settings), options, place, identity, stop)
    out.print("Ended. What was said to it went with its memory.")


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Set by Ctrl-C or a stop from the system."""
    stop = threading.Event()
    names = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(name, lambda *_: stop.set()) for name in names]
    try:
        yield stop
    finally:
        for name, handler in zip(names, before, strict=True):
            signal.signal(name, handler)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One service for each folder: two would answer under the same name."""
    from hearthside.identity.durable import make_folder

    make_folder(folder)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NeedsPerson(
                "compute-runs-already",
                f"A compute node with the folder {folder} runs already. For a second home, or another person, give "
                "another --folder and --port.",
            ) from error
        yield
    finally:
        os.close(descriptor)


def _check(settings: Settings) -> None:
    """That the model can be served at all is said before anybody pairs; its checksum can wait."""
    from hearthside.inference.gguf_header import model_header
    from hearthside.inference.shelf import embedded_model

    if settings.model_path is None:
        if not settings.model_server:
            embedded_model()
        return
    if not settings.model_path.is_file():
        raise NeedsPerson(
            "model-file-missing", f"There is no model file at {settings.model_path}; name a GGUF file with --model."
        )
    model_header(settings.model_path)


def _hashed(settings: Settings) -> ModelFile:
    from hearthside.app.compute import model_of

    with progress_bar() as bar:
        bar.add_task("Reading the model once, for its checksum", total=None, note="")
        return model_of(settings)


# -- pairing -------------------------------------------------------------------------------------------------------


def _paired(folder: Path, place: _Place, stop: threading.Event) -> NodeIdentity | None:
    """Show a code and wait for the home; None when nobody came within ten minutes, or it was ended."""
    from hearthside.inference.remote.announce import Announcement
    from hearthside.inference.remote.node_identity import NodeKey
    from hearthside.inference.remote.pairing import PairingDoor

    key = NodeKey()
    door = PairingDoor(
        place.listener, key, _clock, secrets.token_bytes, keep=lambda identity: identity.save(folder), told=_say
    )
    announcement = Announcement(key.id, place.port, pairing=True, addresses=place.addresses)
    announced = place.announced and announcement.start()
    try:
        identity = door.wait(stop, lambda code: _show(code, key.id, place, announced))
    finally:
        announcement.stop()
    if identity is not None:
        _say("Paired. From now on only this home can reach this machine's model.")
    elif not stop.is_set():
        out.print("\nThe ten minutes are over, and nobody paired. Nothing listens any more. Again: hearthside compute")
    return identity


def _show(code: str, node: str, place: _Place, announced: bool) -> None:
    """The code, large and plain, and what to do with it."""
    large = Text("   ".join(" ".join(group) for group in code.split("-")), style="bold", justify="center")
    out.print()
    out.print(Panel(large, title="pairing code", box=box.HEAVY, padding=(1, 6), expand=False))
    out.print("On the machine where Hearthside lives, type", markup=False)
    out.print(f"\n  hearthside nodes pair {place.words}\n", style="bold", markup=False)
    out.print("and then this code. Or open the page of the compute nodes there and type it in.", markup=False)
    if len(place.addresses) > 1:
        out.print(f"This machine has more addresses: {', '.join(place.addresses[1:])}.", markup=False)
    found = f"It is found there by itself, as {node}." if announced else "It is not announced; give the address."
    out.print(f"{found} The code works once, and this machine waits ten minutes for it. Ctrl-C ends it.", markup=False)


# -- serving -------------------------------------------------------------------------------------------------------


def _kept(options: NodeOptions) -> str:
    """What becomes of what this machine is told: it keeps nothing, but what answers in its place may."""
    from hearthside.inference.backends.server_address import ServerAddress

    unforgotten = "whose memory Hearthside cannot empty."
    kept = "It keeps nothing of what it is told."
    if options.server is not None:
        kept = f"What it is told goes to the model server at {options.server.place}, {unforgotten}"
    if speech := options.side.speech_url:
        kept += f" Recordings go to the speech server at {ServerAddress(speech).place}, {unforgotten}"
    return kept


def _serve(
    model: ModelFile, options: NodeOptions, place: _Place, identity: NodeIdentity, stop: threading.Event
) -> None:
    from hearthside.inference.advice import gib
    from hearthside.inference.remote.announce import Announcement, own_addresses
    from hearthside.inference.supervisor import Supervisor

    out.print(f"\nThis is compute node {identity.id}, for one home. It listens on {_listening(place)}.", markup=False)
    out.print(f"{_kept(options)} Ctrl-C ends it.", markup=False)
    supervisor = Supervisor(model, options, _clock, on_state=_tell)
    announcement = Announcement(identity.id, place.port, pairing=False, addresses=place.addresses)
    supervisor.start()
    try:
        if place.announced and not announcement.start():
            _say("The network carries no announcements; the home finds this machine by its address.")
        with progress_bar() as bar:
            size = f", {gib(model.bytes)}" if model.bytes else ""
            bar.add_task(f"Loading {model.name}{size}", total=None, note="")
            while not stop.is_set() and supervisor.state().phase == "starting":
                stop.wait(0.1)
        while not stop.wait(_LOOK_S):
            if place.announced:
                announcement.follow(own_addresses(place.listener.getsockname()[0]))
    finally:
        announcement.stop()
        supervisor.stop()


def _listening(place: _Place) -> str:
    return f"{', '.join(place.addresses) or 'no address yet'}, port {place.port}"


def _tell(state: NodeState) -> None:
    _say(state.sentence)


def _say(sentence: str) -> None:
    err.print(f"{time.strftime('%H:%M')}  {sentence}", markup=False)


def _clock() -> int:
    return time.time_ns() // 1_000_000
