"""Models for one task beside the language model: one file each, run in a process of its own while it is needed.

A side model is a module here with the names of `SideModel`; it is found by its file name, and adding a file adds one.
The process that loads it (`process.py`) is started by the compute node once the memory guard has admitted what the
model needs (`host.py`), and ends when nobody has asked for a while: then its memory is back, and nothing is left of
what it was given. Pictures and recordings come from anywhere, so they are decoded in that process too, which may write
no file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, cast

from hearthside.errors import Refused
from hearthside.events import Json

Task: TypeAlias = Literal["transcribe", "read_picture"]

TASKS: tuple[Task, ...] = ("transcribe", "read_picture")
"""What side models do: speech to text, and the text in a picture."""

Run: TypeAlias = Callable[[bytes], dict[str, Json]]
"""A loaded model: what a sound or picture file says, as the body that `Transcript` or `PictureText` is read from.

Raises:
    Refused: the file is not one that it can take; `recording-wrong`, `recording-too-long`, `picture-wrong`,
        `picture-too-large`.
    RetryLater: `side-model-failed`; the model did not manage this time.
"""


@dataclass(frozen=True, slots=True)
class SideConfig:
    """What a node tells its side models; empty for one that needs nothing.

    Attributes:
        speech_url: a server of the OpenAI API for transcriptions (``/v1/audio/transcriptions``); empty: none.
        speech_model, speech_key: what to ask of it, and its API key.
    """

    speech_url: str = ""
    speech_model: str = ""
    speech_key: str = field(default="", repr=False)


class SideModel(Protocol):
    """What every module in this folder offers that is a model.

    Attributes:
        TASK: what it does.
        RANK: of several that are here for one task the one with the highest rank is used.
        NEED: bytes that its process takes at most, with its largest input.
        LONGEST: bytes of one input file at most.
        LANGUAGES: of speech, or of scripts it reads, for people: "English"; "" where it does not depend on one.
        ABOUT: what it is, in a few words for people.
        CONNECTS: whether it asks a server for each file; what does not is refused every connection once it is loaded.
    """

    TASK: Task
    RANK: int
    NEED: int
    LONGEST: int
    LANGUAGES: str
    ABOUT: str
    CONNECTS: bool

    def is_here(self, config: SideConfig) -> bool:
        """Whether it can be loaded: installed, or configured. Imports nothing heavy."""
        ...

    def load(self, config: SideConfig) -> Run:
        """Load it.

        Raises:
            NeedsPerson: `side-model-broken`; it is installed and cannot be loaded all the same.
        """
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of speech.

    Attributes:
        start_ms, end_ms: from the beginning of the recording.
        confidence: 0 to 1 where the model tells one that means something; None where it does not.
    """

    start_ms: int
    end_ms: int
    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recording says.

    Attributes:
        model: name and version of what heard it.
        language: of the text, ISO 639-1; "" where it is not known.
        duration_ms: of the whole recording.
    """

    model: str
    language: str
    duration_ms: int
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(segment.text for segment in self.segments)


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text in a picture.

    Attributes:
        box: left, top, right, bottom, in pixels of the upright picture.
        confidence: 0 to 1.
    """

    text: str
    box: tuple[int, int, int, int]
    confidence: float


@dataclass(frozen=True, slots=True)
class PictureText:
    """The text in a picture.

    Attributes:
        model: name and version of what read it.
        width, height: of the picture, pixels, once it stands upright as its EXIF data says.
        lines: from top to bottom, then from left to right.
    """

    model: str
    width: int
    height: int
    lines: tuple[TextLine, ...]

    @property
    def text(self) -> str:
        """All lines, one below the other."""
        return "\n".join(line.text for line in self.lines)


_OWN = {
    "answers",
    "host",
    "mp3_frames",
    "no_way_out",
    "picture_files",
    "process",
    "sound_files",
}  # modules here that are no model


def too_large(most: int) -> Refused:
    """What is said of a file that has more than so many bytes."""
    return Refused(
        "file-too-large",
        f"This file is larger than the {most >> 20} MiB that are read at once; nothing was kept of it. Send a smaller "
        "one, or parts of it.",
    )


def side_model_names() -> list[str]:
    """Names of all side models, from the file names, importing nothing."""
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in found if name not in _OWN)


def load_side_model(name: str) -> SideModel:
    """The side model of that name; its module, not yet its weights."""
    return cast(SideModel, importlib.import_module(f"{__name__}.{name}"))


def model_for(task: Task, config: SideConfig) -> str | None:
    """Name of the model that does a task on this machine; None where none is here."""
    found = [(load_side_model(name), name) for name in side_model_names()]
    here = [(model.RANK, name) for model, name in found if task == model.TASK and model.is_here(config)]
    return max(here)[1] if here else None
