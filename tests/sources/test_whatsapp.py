"""WhatsApp exports: every locale's line head, day and month order, doubled hours, continuation lines, attachments."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.events import DAY_MS, HOUR_MS, MINUTE_MS, Event, Item, Origin, Rejected, Trust, ms_of
from hearthside.sources import recognise, whatsapp
from hearthside.sources.reading import Opened, Reading, Sample

BERLIN = ZoneInfo("Europe/Berlin")
ANDROID = """\
20/11/2026, 18:30 - Messages and calls are end-to-end encrypted. No one outside of this chat can read them.
20/11/2026, 18:31 - Mira: Dinner on Friday?
20/11/2026, 18:31 - Jonas Weber: Yes!

- the small place
- not the loud one

See you: there
20/11/2026, 18:31 - Jonas Weber: ok
20/11/2026, 18:31 - Jonas Weber: ok
"""


def opened(
    folder: Path,
    text: str,
    name: str = "WhatsApp Chat with Mira.txt",
    zone: tzinfo = UTC,
    selves: frozenset[str] = frozenset(),
) -> Opened:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return Opened(path, whatsapp.NAME, Reading(zone, selves))


def events(items: list[Item]) -> list[Event]:
    assert all(isinstance(item, Event) for item in items), items
    return [item for item in items if isinstance(item, Event)]


def read(folder: Path, text: str, **how: object) -> list[Event]:
    return events(list(whatsapp.read(opened(folder, text, **how))))  # type: ignore[arg-type]


def test_android_chat_is_read_whole(tmp_path: Path) -> None:
    notice, asked, answered, first_ok, second_ok = read(tmp_path, ANDROID, selves=frozenset({"jonas weber"}))
    assert (notice.kind, notice.origin) == ("chat_notice", Origin.DEVICE)
    assert notice.text.startswith("Messages and calls")
    assert (asked.text, asked.origin, asked.trust) == ("Dinner on Friday?", Origin.PERSON, Trust.KNOWN)
    assert asked.payload["conversation"] == "Mira"
    assert asked.start_ms == ms_of(datetime(2026, 11, 20, 18, 31, tzinfo=UTC))
    assert answered.text == "Yes!\n\n- the small place\n- not the loud one\n\nSee you: there"
    assert (answered.origin, answered.trust, answered.payload["sender"]) == (Origin.SELF, Trust.OWN, "Jonas Weber")
    assert [event.payload["order"] for event in (asked, answered, first_ok, second_ok)] == [0, 1, 2, 3]
    assert [event.record for event in (notice, asked, answered, first_ok)] == [1, 2, 3, 9]


def test_same_words_in_one_minute_stay_apart_and_a_second_reading_gives_the_same_ids(tmp_path: Path) -> None:
    first, second = (read(tmp_path, ANDROID) for _ in range(2))
    ids = [event.id for event in first]
    assert len(set(ids)) == 5
    assert ids == [event.id for event in second]


def test_a_longer_export_of_the_same_chat_repeats_the_ids(tmp_path: Path) -> None:
    before = "19/11/2026, 09:00 - Mira: Good morning\n"
    after = "21/11/2026, 10:00 - Mira: That was nice\n"
    short = {event.id for event in read(tmp_path, ANDROID)}
    long = {event.id for event in read(tmp_path, before + ANDROID + after)}
    assert short < long
    assert len(long) == 7


def test_without_own_names_everybody_is_a_person_and_senders_says_whom_to_ask(tmp_path: Path) -> None:
    file = opened(tmp_path, ANDROID)
    origins = {event.origin for event in events(list(whatsapp.read(file))) if event.kind == "message"}
    assert origins == {Origin.PERSON}
    assert whatsapp.senders(file) == {"Jonas Weber": 3, "Mira": 1}
    assert list(whatsapp.senders(file)) == ["Jonas Weber", "Mira"]


def _twelve(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}:{moment.minute:02}"


def _half(moment: datetime, words: tuple[str, str] = ("AM", "PM")) -> str:
    return words[moment.hour >= 12]


# Line heads as phones write them; Unicode CLDR short patterns and issue threads of public parsers.
STYLES: dict[str, tuple[Callable[[datetime], str], bool]] = {
    "Android, Britain": (lambda m: f"{m:%d/%m/%Y, %H:%M} - ", False),
    "Android, Germany": (lambda m: f"{m:%d.%m.%y, %H:%M} - ", False),
    "Android, Brazil": (lambda m: f"{m:%d/%m/%Y %H:%M} - ", False),
    "Android, Netherlands": (lambda m: f"{m:%d-%m-%Y %H:%M} - ", False),
    "Android, United States": (lambda m: f"{m.month}/{m.day}/{m:%y}, {_twelve(m)} {_half(m)} - ", False),
    "Android, United States 2023": (lambda m: f"{m.month}/{m.day}/{m:%y}, {_twelve(m)}\u202f{_half(m)} - ", False),
    "Android, India": (lambda m: f"{m:%d/%m/%y}, {_twelve(m)} {_half(m, ('am', 'pm'))} - ", False),
    "Android, Colombia": (lambda m: f"{m.day}/{m.month}/{m:%Y} {_twelve(m)} {_half(m, ('a. m.', 'p. m.'))} - ", False),
    "Android, China": (lambda m: f"{m:%Y}/{m.month}/{m.day} {_half(m, ('上午', '下午'))}{_twelve(m)} - ", False),
    "Android, Korea": (
        lambda m: f"{m:%Y}. {m.month}. {m.day}. {_half(m, ('오전', '오후'))} {_twelve(m)} - ",
        False,
    ),
    "Android, Korea, short year": (
        lambda m: f"{m:%y}. {m.month}. {m.day}. {_half(m, ('오전', '오후'))} {_twelve(m)} - ",
        False,
    ),
    "Android, Bulgaria": (lambda m: f"{m.day}.{m:%m.%y} г., {m.hour}:{m:%M} ч. - ", False),
    "Android, Sweden": (lambda m: f"{m:%Y-%m-%d %H:%M} - ", False),
    "iOS, Britain": (lambda m: f"[{m:%d/%m/%Y, %H:%M:%S}] ", True),
    "iOS, Finland": (lambda m: f"[{m.day}.{m.month}.{m:%Y} klo {m.hour}.{m:%M.%S}] ", True),
    "iOS, United States": (
        lambda m: f"[{m.month}/{m.day}/{m:%y}, {_twelve(m)}:{m:%S}\u202f{_half(m)}] ",
        True,
    ),
    "iOS, Canada": (lambda m: f"\u200e[{m:%Y-%m-%d}, {_twelve(m)}:{m:%S} {_half(m, ('a.m.', 'p.m.'))}] ", True),
    "iOS, Hebrew": (lambda m: f"[{m.day}.{m.month}.{m:%Y}, {m.hour}:{m:%M:%S}] ", True),
    "iOS, Taiwan": (lambda m: f"[{m:%Y}/{m.month}/{m.day} {_half(m, ('上午', '下午'))}{_twelve(m)}:{m:%S}] ", True),
}


@pytest.mark.parametrize("style", STYLES)
@settings(deadline=None, max_examples=40)
@given(
    start=st.datetimes(datetime(2010, 1, 1), datetime(2031, 1, 1)),  # noqa: DTZ001
    minutes=st.lists(st.integers(0, 300 * 24 * 60), max_size=6),
)
def test_every_style_comes_back_to_the_second_or_minute(
    tmp_path_factory: pytest.TempPathFactory, style: str, start: datetime, minutes: list[int]
) -> None:
    write, with_seconds = STYLES[style]
    start = start.replace(microsecond=0, second=start.second if with_seconds else 0, tzinfo=UTC)
    # A chat runs forward; a last message on a 28th at 13 h shows the order of the date and that the clock has 24 hours.
    moments = [start, *(start + timedelta(minutes=at) for at in sorted(minutes))]
    moments.append(moments[-1].replace(day=28, hour=13) + timedelta(days=31))
    text = "".join(f"{write(moment)}Mira: number {at}\n" for at, moment in enumerate(moments))
    found = read(tmp_path_factory.mktemp("chat"), text)
    assert [event.start_ms for event in found] == [ms_of(moment) for moment in moments]
    assert [event.text for event in found] == [f"number {at}" for at in range(len(moments))]
    assert {event.uncertainty_ms for event in found} == {1000 if with_seconds else MINUTE_MS}


@pytest.mark.parametrize(
    ("heads", "order", "rival"),
    [
        (["13/02/26, 10:00", "01/03/26, 10:00"], "DMY", ""),  # no month 13
        (["02/13/26, 10:00", "03/01/26, 10:00"], "MDY", ""),
        (["5/2/26, 10:00", "6/1/26, 10:00"], "MDY", ""),  # day first would run back in time
        (["2/5/26, 10:00", "1/6/26, 10:00"], "DMY", ""),
        (["03.04.2026, 10:00"], "DMY", ""),  # no locale writes the month first with dots
        (["03/04/2026, 10:00"], "DMY", ""),  # nor pads it beside a year of four digits
        (["10/11/2026, 10:00", "11/11/2026, 10:00"], "DMY", "MDY"),  # one day apart, or a month
        (["11/10/2026, 10:00", "11/11/2026, 10:00"], "MDY", "DMY"),
        (["3/4/26, 10:00 AM"], "MDY", "DMY"),  # spelled as in the United States
        (["3/4/26, 10:00"], "DMY", "MDY"),
        (["26/11/09, 10:00", "26/11/10, 10:00"], "YMD", "DMY"),  # one day apart, or a year
        (["26/11/30, 10:00", "26/12/01, 10:00"], "YMD", ""),  # there was no WhatsApp in 2001
        (["26/12/30, 10:00", "27/01/02, 10:00"], "YMD", ""),
        (["2026-04-03, 10:00"], "YMD", ""),
    ],
)
def test_order_of_day_and_month(tmp_path: Path, heads: list[str], order: str, rival: str) -> None:
    file = opened(tmp_path, "".join(f"{head} - Mira: hello\n" for head in heads))
    assert whatsapp.dates(file) == (order, rival)


def test_an_order_that_stays_open_is_said_with_the_distance_of_the_other_reading(tmp_path: Path) -> None:
    ambiguous, same_either_way = read(tmp_path, "3/4/26, 10:00 - Mira: a\n4/4/26, 10:00 - Mira: b\n")
    assert ambiguous.start_ms == ms_of(datetime(2026, 4, 3, 10, tzinfo=UTC))
    assert ambiguous.payload["date_order_assumed"] == "DMY"
    days = (date(2026, 4, 3) - date(2026, 3, 4)).days
    assert ambiguous.uncertainty_ms == MINUTE_MS + days * DAY_MS
    assert "date_order_assumed" not in same_either_way.payload
    assert same_either_way.uncertainty_ms == MINUTE_MS


def test_one_impossible_date_does_not_turn_the_order_and_is_rejected_alone(tmp_path: Path) -> None:
    text = "13/02/2026, 10:00 - Mira: a\n31/02/2026, 10:00 - Mira: b\n14/02/2026, 10:00 - Mira: c\n"
    first, bad, last = whatsapp.read(opened(tmp_path, text))
    assert isinstance(first, Event) and isinstance(last, Event) and isinstance(bad, Rejected)
    assert bad.reason == "31/02/2026 is no date when read as DMY"
    assert bad.raw == b"31/02/2026, 10:00 - Mira: b"
    assert bad.record == 2


def test_local_times_are_placed_in_the_home_zone_without_pretending_to_know_the_offset(tmp_path: Path) -> None:
    summer, winter = read(tmp_path, "13/07/2026, 10:00 - Mira: a\n13/12/2026, 10:00 - Mira: b\n", zone=BERLIN)
    assert summer.start_ms == ms_of(datetime(2026, 7, 13, 8, tzinfo=UTC))
    assert winter.start_ms == ms_of(datetime(2026, 12, 13, 9, tzinfo=UTC))
    assert summer.offset_min is None


def test_the_clock_names_the_zone_the_times_were_read_by(tmp_path: Path) -> None:
    zones = {BERLIN: "@Europe/Berlin", UTC: "@UTC", ZoneInfo("UTC"): "@UTC", timezone(timedelta(hours=2)): ""}
    for zone, name in zones.items():
        (event,) = read(tmp_path, "13/07/2026, 10:00 - Mira: a\n", zone=zone)
        assert event.clock == f"export:whatsapp{name}"


def test_doubled_and_missing_hours_carry_their_doubt(tmp_path: Path) -> None:
    doubled = "[25/10/2026, 02:30:00] Mira: which half past two?\n"
    missing = "[29/03/2026, 02:30:00] Mira: there is none\n"
    (event,) = read(tmp_path, doubled, zone=BERLIN)
    assert event.start_ms == ms_of(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))  # the first pass
    assert event.uncertainty_ms == HOUR_MS + 1000
    (event,) = read(tmp_path, missing, zone=BERLIN)
    assert event.start_ms == ms_of(datetime(2026, 3, 29, 1, 30, tzinfo=UTC))  # shown as 03:30 on a clock put forward
    assert event.uncertainty_ms == HOUR_MS + 1000


def test_words_between_time_and_name_that_nobody_knows_are_rejected_not_guessed(tmp_path: Path) -> None:
    (item,) = whatsapp.read(opened(tmp_path, "13.02.2026, 7:10 xyz - Mira: a\n"))
    assert isinstance(item, Rejected)
    assert "'xyz'" in item.reason
    proven = "13.02.2026, 7:10 xyz - Mira: a\n13.02.2026, 19:10 xyz - Mira: b\n"
    assert len(read(tmp_path, proven)) == 2


def test_twelve_hour_clock_at_noon_and_midnight(tmp_path: Path) -> None:
    text = "13/02/2026, 12:05 am - Mira: a\n13/02/2026, 12:05 pm - Mira: b\n13/02/2026, 13:05 pm - Mira: c\n"
    midnight, noon, wrong = whatsapp.read(opened(tmp_path, text))
    assert isinstance(midnight, Event) and midnight.start_ms == ms_of(datetime(2026, 2, 13, 0, 5, tzinfo=UTC))
    assert isinstance(noon, Event) and noon.start_ms == ms_of(datetime(2026, 2, 13, 12, 5, tzinfo=UTC))
    assert isinstance(wrong, Rejected) and wrong.reason == "hour 13 cannot be on a 12-hour clock"


@pytest.mark.parametrize(
    ("words", "text", "attachment"),
    [
        ("\u200e<attached: 00000012-PHOTO-2026-11-20.jpg>", "", "00000012-PHOTO-2026-11-20.jpg"),
        ("The menu \u200e<Anhang: 00000013-PHOTO.jpg>", "The menu", "00000013-PHOTO.jpg"),
        ("\u200eimage omitted", "", "image omitted"),
        ("menu.pdf • \u200e3 pages \u200edocument omitted", "menu.pdf • 3 pages", "document omitted"),
        ("<Media omitted>", "", "Media omitted"),
        ("<Medien ausgeschlossen>\nschau mal", "schau mal", "Medien ausgeschlossen"),
        ("IMG-20261120-WA0001.jpg (file attached)\nlook", "look", "IMG-20261120-WA0001.jpg"),
        ("\u200eMira Recipe.docx (tiedosto liitetty)", "", "Mira Recipe.docx"),
        ("see notes.txt (second page)", "see notes.txt (second page)", None),
        ("<3", "<3", None),
    ],
)
def test_attachments_keep_caption_and_file(tmp_path: Path, words: str, text: str, attachment: str | None) -> None:
    (event,) = read(tmp_path, f"[20/11/2026, 18:30:00] Mira: {words}\n")
    assert event.kind == "message"
    assert event.text == event.payload["text"] == text
    assert event.payload.get("attachment") == attachment


@pytest.mark.parametrize(
    "line",
    [
        "Mira: \u200eMessages and calls are end-to-end encrypted.",
        "Mira: \u200eMissed voice call",
        "Mira: You deleted this message.",
        "Mira added Tom",
        'Mira changed the group name from "Food: out" to "Food: in"',
    ],
)
def test_lines_of_the_app_are_notices_and_never_a_persons_words(tmp_path: Path, line: str) -> None:
    (event,) = read(tmp_path, f"[20/11/2026, 18:30:00] {line}\n", selves=frozenset({"mira"}))
    assert (event.kind, event.origin) == ("chat_notice", Origin.DEVICE)
    assert "sender" not in event.payload


def test_edited_marks_and_shared_places(tmp_path: Path) -> None:
    edited, place = read(
        tmp_path,
        "[20/11/2026, 18:30:00] Mira: at eight \u200e<This message was edited>\n"
        "[20/11/2026, 18:31:00] Mira: \u200eLocation: https://maps.google.com/?q=52.5,13.4\n",
    )
    assert (edited.text, edited.payload["edited"]) == ("at eight", True)
    assert place.kind == "message"


def test_numbers_and_unsaved_names_are_not_trusted_like_contacts(tmp_path: Path) -> None:
    number, unsaved, contact = read(
        tmp_path,
        "[20/11/2026, 18:30:00] \u202a+49 151 2345678\u202c: hi\n"
        "[20/11/2026, 18:31:00] ~\u202fKim: hi\n[20/11/2026, 18:32:00] Mira: hi\n",
    )
    assert [event.trust for event in (number, unsaved, contact)] == [Trust.UNKNOWN, Trust.UNKNOWN, Trust.KNOWN]
    assert (number.payload["sender"], unsaved.payload["sender"]) == ("+49 151 2345678", "Kim")


def test_a_pasted_line_of_another_style_stays_inside_its_message(tmp_path: Path) -> None:
    first, second = read(
        tmp_path,
        "20/11/2026, 18:30 - Mira: look what he wrote:\n[12.3.2022, 14:08:18] Tom: sorry\n"
        "20/11/2026, 18:31 - Mira: well\n",
    )
    assert first.text.endswith("[12.3.2022, 14:08:18] Tom: sorry")
    assert second.text == "well"


@pytest.mark.parametrize(
    ("name", "conversation"),
    [
        ("WhatsApp Chat with Mira & Tom (2).txt", "Mira & Tom"),
        ("WhatsApp-Chat mit Mira.txt", "Mira"),
        ("Chat de WhatsApp con Mira.txt", "Mira"),
        ("WhatsApp Chat - Mira/_chat.txt", "Mira"),
        ("WhatsApp Chat - Mira (1).zip/_chat.txt", "Mira"),
        ("export.txt", "Mira, Tom"),
    ],
)
def test_conversation_is_named_by_file_folder_or_people(tmp_path: Path, name: str, conversation: str) -> None:
    text = "20/11/2026, 18:30 - Tom: a\n20/11/2026, 18:31 - Mira: b\n20/11/2026, 18:32 - Jonas: c\n"
    found = read(tmp_path, text, name=name, selves=frozenset({"jonas"}))
    assert {event.payload["conversation"] for event in found} == {conversation}


def test_packed_marked_and_with_windows_ends(tmp_path: Path) -> None:
    path = tmp_path / "WhatsApp Chat with Mira.txt.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + ANDROID.replace("\n", "\r\n").encode()))
    packed = [item.id for item in whatsapp.read(Opened(path, whatsapp.NAME)) if isinstance(item, Event)]
    assert packed == [event.id for event in read(tmp_path, ANDROID)]


def test_lines_before_the_first_message_and_overlong_messages_are_rejected(tmp_path: Path) -> None:
    text = "what is this\n20/11/2026, 18:30 - Mira: a\n" + ("x" * 100_000 + "\n") * 12 + "20/11/2026, 18:31 - Mira: b\n"
    stray, long, last = whatsapp.read(opened(tmp_path, text))
    assert isinstance(stray, Rejected) and stray.raw == b"what is this"
    assert isinstance(long, Rejected) and "1200007 characters" in long.reason
    assert isinstance(last, Event)


def test_a_message_of_blanks_and_brackets_is_read_in_one_pass(tmp_path: Path) -> None:
    """Patterns that look again at every blank would not end."""
    words = " " * 400_000 + "<" * 400_000 + "."
    (event,) = read(tmp_path, f"20/11/2026, 18:30 - Mira: {words}\n")
    assert event.text == words.strip()


def test_recognises_chats_and_nothing_that_looks_alike() -> None:
    assert recognise(Sample("x", ANDROID.encode())) is whatsapp
    assert recognise(Sample("x", b"\xef\xbb\xbf" + ANDROID.encode())) is whatsapp
    notice_only = "\u200e[20/11/26, 18:30:00] Mira: \u200eMessages and calls are end-to-end encrypted.\n"
    assert recognise(Sample("_chat.txt", notice_only.encode())) is whatsapp
    for other in (
        "[2026-11-20 18:30:00] INFO: started\n[2026-11-20 18:30:01] ERROR: stopped\n",
        "2026-11-20 18:30:00,123 - root - INFO - started\n",
        "2026-11-20,5\n2026-11-21,6\n",
        '[{"title": "20/11/2026, 18:31 - Mira: Dinner on Friday?"}]',
        "Notes\n\n20/11/2026, 18:31 - Mira: Dinner on Friday?\n",
        "",
    ):
        assert whatsapp.recognise(Sample("x", other.encode())) == 0.0, other


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from('0123456789/.:-[] ,-\n\u200e\u202fAaPpMmé下午klo<>()"~'), max_size=200))
def test_no_text_stops_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    for item in whatsapp.read(opened(tmp_path_factory.mktemp("chat"), text, zone=BERLIN)):
        assert isinstance(item, Rejected) or len(item.id) == 16
