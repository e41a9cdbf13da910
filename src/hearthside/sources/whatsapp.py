"""WhatsApp chats: the text export of Android and iOS, in any locale's date and time, multi-line, without zone or id."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hearthside.events import DAY_MS, MINUTE_MS, Event, Item, Json, Layer, Origin, Record, Rejected, Trust, ms_of
from hearthside.sources.reading import Opened, Sample

NAME = "whatsapp"
TITLE = "WhatsApp chat"
_FIRST_YEAR = 2009  # WhatsApp began; a reading of a date that lies before is a wrong reading
_MAX_CHARS = 1024 * 1024  # of one message; WhatsApp itself allows 65,536

_INVISIBLE = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_DROP_MARKS = {ord(mark): None for mark in _INVISIBLE}
_HEADER = re.compile(
    rf"[{_INVISIBLE}]*(?P<open>\[)?"
    r"(?P<a>\d{1,4})(?P<sep>[\u200e\u200f]?\s?[./-]\s?)(?P<b>\d{1,2})(?P=sep)(?P<c>\d{1,4})(?P<dot>\.?)"
    r"(?P<before>[,،\s\u200f][^\d\[\]]{0,14}?)"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
    r"(?P<after>[^\d\[\]]{0,14}?)"
    r"(?(open)\]|\s[-–])\s?(?P<rest>.*)",
    re.DOTALL,
)
# Day-period words as CLDR spells them, without dots, spaces and case.
_AM = {"am", "πμ", "ص", "قظ", "sa", "fm", "dop", "vorm", "öö", "проб", "午前", "上午", "凌晨", "清晨", "早上", "오전"}
_PM = {"pm", "μμ", "م", "بظ", "ch", "em", "odp", "nachm", "ös", "слоб", "午後", "下午", "中午", "晚上", "오후"}
_HOUR_WORDS = frozenset({"", "h", "hs", "uhr", "ч", "hod", "val"})  # written after a 24-hour time

_PHONE = re.compile(r"\+?[\d\s().\-\u2010\u2011\u00a0]{5,}")
_ATTACHED_IOS = re.compile(r"<[^<>:：]{2,40}[:：]\s?(?P<file>[^<>]+\.\w{1,5})>$")
_ATTACHED_ANDROID = re.compile(r"(?P<file>[^\n]{1,200}\.\w{2,5}) \((?P<words>[^()\n]{3,40})\)(?:\n|$)")
_ANDROID_FILE = re.compile(r"(?:IMG|VID|PTT|AUD|STK|DOC)-\d{8}-WA\d{4}\.\w+")
_ATTACHED_WORDS = frozenset(
    {
        "file attached", "datei angehängt", "archivo adjunto", "fichier joint", "file allegato", "arquivo anexado",
        "bestand bijgevoegd", "файл добавлен", "文件附件", "附件", "添付ファイル",
    }
)  # fmt: skip
_MEDIA_OMITTED = frozenset(
    {
        "<media omitted>", "<medien ausgeschlossen>", "<multimedia omitido>", "<médias omis>", "<media omessi>",
        "<mídia oculta>", "<arquivo de mídia oculto>", "<media weggelaten>", "<без медиафайлов>", "<媒体文件已略去>",
        "<省略多媒体文件>", "<メディアは含まれていません>", "<media tidak disertakan>", "<medya dahil edilmedi>",
    }
)  # fmt: skip
_OMITTED = re.compile(
    r"[^\n]{2,40}?\s?(?:omitted|weggelassen|ausgeschlossen|omitid[oa]|omise?|omess[oa]|ocult[oa]d?[oa]?|weggelaten|"
    r"pominięt[oay]|utelämnad|udeladt|utelatt|пропущен[оа]?|已略去|已忽略|省略)"
)
_EDITED = re.compile(r"(?:<This message was edited>|\u200e<[^<>:：]{3,60}>)$")
_NOT_WORDS = frozenset(
    {
        "this message was deleted", "you deleted this message", "diese nachricht wurde gelöscht",
        "du hast diese nachricht gelöscht", "se eliminó este mensaje", "eliminaste este mensaje",
        "ce message a été supprimé", "vous avez supprimé ce message", "questo messaggio è stato eliminato",
        "hai eliminato questo messaggio", "dit bericht is verwijderd", "esta mensagem foi apagada",
    }
)  # fmt: skip
_SHARED = re.compile(r"\u200e(?:POLL|[^\n]{3,20}: https?://)")  # a poll or a place the sender shared: their own act
_ENCRYPTED = "Messages and calls are end-to-end encrypted"
_LOG_LEVELS = frozenset({"debug", "info", "notice", "warn", "warning", "error", "critical", "fatal", "trace"})
_NAME_IN_FILE = (
    re.compile(r"WhatsApp[ -]Chat (?:with|mit|met|med|con|avec|com|-) (?P<name>.+)", re.IGNORECASE),
    re.compile(r"(?:Chat|Conversa|Conversación|Discussion)(?: d[eo])? WhatsApp (?:con|com|avec) (?P<name>.+)"),
    re.compile(r"与(?P<name>.+?)的\s?WhatsApp\s?聊天"),
)


class _Style(NamedTuple):
    """How an export writes its line heads; one file has one style, pasted lines may have another."""

    bracket: bool
    separator: str
    seconds: bool


class _Head(NamedTuple):
    """What the head of a line says, before the order of its date is known."""

    style: _Style
    numbers: tuple[str, str, str]
    dotted: bool
    hour: int
    minute: int
    second: int
    afternoon: bool | None  # None: no day-period word
    word: str  # an unknown word after the time, or ""
    upper: bool  # the day-period word is in capitals
    rest: str


class Dates(NamedTuple):
    """How the dates of a file are read.

    Attributes:
        order: ``DMY``, ``MDY`` or ``YMD``.
        rival: the other order that fits the file just as well, or "" when the file settles it.
    """

    order: str
    rival: str


@dataclass(slots=True)
class _Evidence:
    """What the line heads of one style say about the order of their dates, and who speaks.

    Attributes:
        wrong: per order, heads that would be no date.
        backward: per order, heads that would lie on an earlier day than the head before.
        days: per order, (last day read, first day of the chat, final day of the chat).
        real_24: words after the time that stood beside an hour no 12-hour clock has.
    """

    heads: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    backward: Counter[str] = field(default_factory=Counter)
    days: dict[str, tuple[date, date, date]] = field(default_factory=dict)
    year_first: bool = False
    long_year: bool = False
    dotted: bool = False
    padded: bool = False
    upper: bool = False
    real_24: set[str] = field(default_factory=set)
    senders: Counter[str] = field(default_factory=Counter)

    def faults(self, order: str) -> tuple[int, int]:
        """Impossible dates, and steps back in time, under an order."""
        return self.wrong[order], self.backward[order]

    @property
    def american(self) -> bool:
        """Spelled like `1/4/26, 7:02 PM`."""
        return self.upper and not self.padded and not self.long_year

    def span(self, order: str) -> timedelta:
        """From the first to the final day of the chat under an order."""
        _, first, final = self.days.get(order, (date.min, date.min, date.max))
        return final - first


@dataclass(slots=True)
class _Entry:
    """One line head with the lines that belong to it; `chars` also counts what was too long to be kept."""

    line: int
    head: _Head
    raw: str
    lines: list[str]
    last_line: int
    chars: int

    def add(self, line: int, text: str) -> None:
        """One more line; the reader leaves empty lines out, the gap in the numbers gives them back."""
        gap = [""] * (line - self.last_line - 1)
        self.last_line = line
        self.chars += len(gap) + len(text)
        if self.chars <= _MAX_CHARS:
            self.lines += [*gap, text]


def recognise(sample: Sample) -> float:
    """Exports begin with a line head: a date, a time and `] ` or ` - `; log files look alike and name their level."""
    lines = sample.lines(40)
    heads = [head for line in lines if (head := _head(line))]
    if not heads or _head(lines[0]) is None:
        return 0.0
    names = [split[0] for head in heads if (split := _split_sender(head.rest))]
    if not names or all(name.casefold() in _LOG_LEVELS for name in names):
        return 0.7 if _ENCRYPTED in sample.text else 0.0
    marked = "\u200e" in sample.text or _ENCRYPTED in sample.text or "whatsapp" in sample.name.casefold()
    return 0.9 if marked else 0.6


def senders(opened: Opened) -> dict[str, int]:
    """Messages per sender, most first: to ask the person which of them they are, when no own name is known yet."""
    return dict(_survey(opened)[1].senders.most_common())


def dates(opened: Opened) -> Dates:
    """The order in which the file writes day, month and year, judged over the whole file."""
    return _choose(*_survey(opened))


def read(opened: Opened) -> Iterator[Item]:
    """One `message` for each message and one `chat_notice` for each line of the app itself, in file order.

    The file is read twice: once to learn its style and the order of day and month, once to take it. `record` is the
    number of the line on which the message begins.
    """
    style, evidence = _survey(opened)
    chat = _Chat(opened, _choose(style, evidence), evidence)
    for entry in _entries(opened, style):
        if isinstance(entry, Rejected):
            yield entry
        else:
            yield from opened.guarded(entry.line, {}, partial(chat.records, entry), entry.raw.encode())


# --- the file's style -------------------------------------------------------------------------------------------


def _head(line: str) -> _Head | None:
    match = _HEADER.match(line)
    if match is None:
        return None
    words = [_plain_word(match[name]) for name in ("before", "after")]
    known = next((word for word in words if word in _AM or word in _PM), "")
    return _Head(
        style=_Style(bool(match["open"]), match["sep"].strip(f" {_INVISIBLE}\u00a0"), match["second"] is not None),
        numbers=(match["a"], match["b"], match["c"]),
        dotted=bool(match["dot"]) and match["sep"] != ".",
        hour=int(match["hour"]),
        minute=int(match["minute"]),
        second=int(match["second"] or 0),
        afternoon=known in _PM if known else None,
        word="" if known or words[1] in _HOUR_WORDS else words[1],
        upper="AM" in match["after"] or "PM" in match["after"],
        rest=match["rest"],
    )


def _plain_word(text: str) -> str:
    return re.sub(rf"[\s.,،{_INVISIBLE}]", "", text).casefold()


def _survey(opened: Opened) -> tuple[_Style, _Evidence]:
    """The commonest style of line heads, and what its heads say; the first pass over the file."""
    found: dict[_Style, _Evidence] = {}
    for item in opened.text_lines():
        if not isinstance(item, Rejected) and (head := _head(item[1])) is not None:
            _weigh(found.setdefault(head.style, _Evidence()), head)
    if not found:
        return _Style(False, "", False), _Evidence()
    style = max(found, key=lambda style: found[style].heads)
    return style, found[style]


def _weigh(evidence: _Evidence, head: _Head) -> None:
    first, second, third = head.numbers
    evidence.heads += 1
    evidence.year_first |= len(first) == 4
    evidence.long_year |= len(third) == 4
    evidence.dotted |= head.dotted
    evidence.upper |= head.upper
    evidence.padded |= first.startswith("0") or second.startswith("0")
    if head.word and not 1 <= head.hour <= 12:
        evidence.real_24.add(head.word)
    for order in ("DMY", "MDY", "YMD"):
        day = _day(head.numbers, order)
        if day is None:
            evidence.wrong[order] += 1
            continue
        last, earliest, final = evidence.days.get(order, (day, day, day))
        evidence.backward[order] += day < last
        evidence.days[order] = (day, min(earliest, day), max(final, day))
    split = _split_sender(head.rest)
    if split and not _is_notice(split[1]):
        evidence.senders[_person(split[0])[0]] += 1


def _day(numbers: tuple[str, str, str], order: str) -> date | None:
    """The date under an order, or None when there is no such date."""
    values = dict(zip(order, numbers, strict=True))
    if len(values["D"]) > 2 or len(values["M"]) > 2 or len(values["Y"]) == 3:
        return None
    year = int(values["Y"]) + (2000 if len(values["Y"]) <= 2 else 0)
    try:
        return date(year, int(values["M"]), int(values["D"])) if year >= _FIRST_YEAR else None
    except ValueError:
        return None


def _choose(style: _Style, evidence: _Evidence) -> Dates:
    """The order of day, month and year.

    Impossible dates and steps back in time decide. Where both orders pass, the spelling decides: of the short date
    patterns in Unicode CLDR only those with `/` put the month first, and none of these pads its numbers beside a
    four-digit year (but Inuktitut's). What then remains open is read as the shorter chat, and said to be open.
    """
    if evidence.year_first or (evidence.dotted and not evidence.long_year):
        return Dates("YMD", "")  # 2026-11-20; Korean `26. 11. 20.`
    best = min("DMY", "MDY", key=lambda order: (*evidence.faults(order), evidence.span(order)))
    slash = style.separator == "/"
    if slash and not evidence.long_year and evidence.faults("YMD") <= evidence.faults(best):
        # `26/11/09` (Basque, Nepali) against `09/11/26`; with as few faults only where it makes the chat far shorter.
        if evidence.faults("YMD") < evidence.faults(best):
            return Dates("YMD", "")
        if evidence.span("YMD") * 10 < evidence.span(best):
            return Dates("YMD", best)
    if evidence.faults("DMY") != evidence.faults("MDY"):
        return Dates(best, "")
    if not slash or (evidence.padded and evidence.long_year):
        return Dates("DMY", "")
    if evidence.american and evidence.span("DMY") == evidence.span("MDY"):
        best = "MDY"
    return Dates(best, "DMY" if best == "MDY" else "MDY")


# --- the messages -----------------------------------------------------------------------------------------------


def _entries(opened: Opened, style: _Style) -> Iterator[_Entry | Rejected]:
    """The heads of the file's style, each with the lines that follow; the second pass."""
    entry: _Entry | None = None
    for item in opened.text_lines():
        if isinstance(item, Rejected):
            yield item
            continue
        line, text = item
        head = _head(text)
        if head is not None and head.style == style:
            if entry is not None:
                yield entry
            entry = _Entry(line, head, text, [head.rest], line, len(head.rest))
        elif entry is None:
            yield opened.reject("this line stands before the first message and belongs to none", text.encode(), line)
        else:
            entry.add(line, text)
    if entry is not None:
        yield entry


class _Chat:
    """What taking the messages of one file must remember: its names, and what was already said in each minute."""

    def __init__(self, opened: Opened, dates: Dates, evidence: _Evidence) -> None:
        self._zone = opened.reading.zone
        key = "UTC" if self._zone is UTC else getattr(self._zone, "key", None)
        self._clock = f"export:{NAME}@{key}" if key else f"export:{NAME}"  # a phone is where its person is
        self._selves = {name.casefold() for name in opened.reading.self_names}
        self._conversation = _conversation(opened.path, evidence.senders, self._selves)
        self._dates = dates
        self._real_24 = evidence.real_24
        self._in_minute: Counter[int] = Counter()
        self._same: Counter[str] = Counter()

    def records(self, entry: _Entry, _line: int, _value: dict[str, Json]) -> list[Record]:
        """The one event of an entry.

        Raises:
            ValueError: the date or time cannot be, or the message is longer than 1 MiB.
        """
        if entry.chars > _MAX_CHARS:
            raise ValueError(f"this message has {entry.chars} characters, more than the {_MAX_CHARS} one may have")
        start_ms, doubt_ms, dates = self._time(entry.head)
        text = "\n".join(entry.lines).rstrip()
        split = _split_sender(text)
        sender, known = _person(split[0]) if split else ("", True)
        order = self._in_minute[start_ms]
        self._in_minute[start_ms] += 1
        words = split[1] if split else text
        notice = split is None or _is_notice(words)
        payload = {"conversation": self._conversation, **_content(words, notice), "order": order, **dates}
        if not notice:
            payload["sender"] = sender
        own = sender.casefold() in self._selves
        event = Event(
            source=NAME,
            kind="chat_notice" if notice else "message",
            layer=Layer.TEXT,
            start_ms=start_ms,
            origin=Origin.DEVICE if notice else Origin.SELF if own else Origin.PERSON,
            trust=Trust.OWN if notice or own else Trust.KNOWN if known else Trust.UNKNOWN,
            payload=payload,
            clock=self._clock,
            text=payload["text"],
            uncertainty_ms=doubt_ms,
            key=self._key(start_ms, sender, words),
            record=entry.line,
        )
        return [event]

    def _key(self, start_ms: int, sender: str, words: str) -> str:
        """Hash and ordinal: the export has no ids, and the same words may stand twice in one minute."""
        said = "\0".join((self._conversation, str(start_ms), sender, words))
        digest = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
        self._same[digest] += 1
        return f"{digest}-{self._same[digest]}"

    def _time(self, head: _Head) -> tuple[int, int, dict[str, Json]]:
        """Start in UTC ms, how much later or earlier it may be, and what had to be assumed about the date."""
        day = _day(head.numbers, self._dates.order)
        if day is None:
            raise ValueError(f"{'/'.join(head.numbers)} is no date when read as {self._dates.order}")
        clock = time(_hour(head, self._real_24), head.minute, head.second)
        start_ms, doubt_ms = _place(datetime.combine(day, clock, self._zone))
        doubt_ms += 1000 if head.style.seconds else MINUTE_MS  # what the export does not write
        other = _day(head.numbers, self._dates.rival) if self._dates.rival else None
        if other is None or other == day:
            return start_ms, doubt_ms, {}
        return start_ms, doubt_ms + abs((other - day).days) * DAY_MS, {"date_order_assumed": self._dates.order}


def _place(local: datetime) -> tuple[int, int]:
    """UTC milliseconds of a local time, and the doubt: an hour that the clocks repeat or leave out.

    The doubled hour is read as its first pass; a time in the missing hour as if the clock had not been put forward.
    """
    first, second = ms_of(local.replace(fold=0)), ms_of(local.replace(fold=1))
    return first, abs(second - first)


def _hour(head: _Head, real_24: set[str]) -> int:
    """The hour of the day, 0 to 23.

    Raises:
        ValueError: an unknown word may be a day period, or the hour does not go with the day period.
    """
    if head.word and head.word not in real_24:
        raise ValueError(f"the time is followed by the unknown word {head.word!r}; morning or evening cannot be told")
    if head.afternoon is None:
        return head.hour
    if head.hour > 12:
        raise ValueError(f"hour {head.hour} cannot be on a 12-hour clock")
    return head.hour % 12 + (12 if head.afternoon else 0)


def _split_sender(text: str) -> tuple[str, str] | None:
    """(sender, words), or None for a line of the app, which has no sender; quotation marks never stand in a name."""
    name, colon, words = text.partition(": ")
    if not colon and text.endswith(":"):
        name, colon = text[:-1], ":"
    if not colon or not _visible(name) or len(name) > 100 or any(mark in name for mark in '"“”«»\n'):
        return None
    return name, words


def _person(name: str) -> tuple[str, bool]:
    """The name shown, and whether it is a contact: numbers and `~ names` are people the phone does not know."""
    shown = _visible(name)
    known = not shown.startswith("~") and _PHONE.fullmatch(shown) is None
    return shown.lstrip("~ \u00a0\u202f"), known


def _visible(text: str) -> str:
    return text.translate(_DROP_MARKS).strip()


def _is_notice(words: str) -> bool:
    """Whether these are the app's words under somebody's name; on iOS the app marks its own words with U+200E."""
    if words.startswith(_ENCRYPTED) or _visible(words).rstrip(".").casefold() in _NOT_WORDS:
        return True
    return words.startswith("\u200e") and not _SHARED.match(words) and _attachment(words) is None


def _content(words: str, notice: bool) -> dict[str, Json]:
    """Payload fields of the words: `text` (a caption, for an attachment), `attachment`, `edited`."""
    if notice:
        return {"text": words.replace("\u200e", "").strip()}
    attached = _attachment(words)
    words = attached[1] if attached else words
    edited = _EDITED.search(words)
    content: dict[str, Json] = {"text": words[: edited.start() if edited else None].replace("\u200e", "").strip()}
    if attached:
        content["attachment"] = attached[0]
    if edited:
        content["edited"] = True
    return content


def _attachment(words: str) -> tuple[str, str] | None:
    """(file name, or the app's words for media that was left out; caption), or None when nothing is attached."""
    if match := _ATTACHED_IOS.search(words):
        return match["file"], words[: match.start()]
    first, _, caption = words.partition("\n")
    if _visible(first).casefold() in _MEDIA_OMITTED:
        return _visible(first).strip("<>"), caption
    match = _ATTACHED_ANDROID.match(words.lstrip("\u200e"))
    if match and (
        words.startswith("\u200e") or _ANDROID_FILE.fullmatch(match["file"]) or match["words"] in _ATTACHED_WORDS
    ):
        return match["file"], caption
    before, mark, last = words.rpartition("\u200e")
    if mark and _OMITTED.fullmatch(last.strip()):
        return last.strip(), before
    return None


def _conversation(path: Path, senders: Counter[str], selves: set[str]) -> str:
    """Name of the chat from the file or its folder, as the app names them, else its other people's names."""
    for name in (path.name.removesuffix(".gz").removesuffix(".txt"), path.parent.name.removesuffix(".zip")):
        bare = re.sub(r" \(\d+\)$", "", name)  # a second download
        for pattern in _NAME_IN_FILE:
            if match := pattern.fullmatch(bare):
                return match["name"].strip()
    return ", ".join(sorted(name for name in senders if name.casefold() not in selves)) or "WhatsApp"
