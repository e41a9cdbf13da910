"""Questions in words and the typed query that comes of them, or nothing: never the query of another question."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.memory.asking import written
from hearthside.memory.questions import Question, Take, read
from tests.memory.questions.lives import NOW, some_names

NAMES = some_names()
NIGHTS = "records of sleep"
_MARCH = "from 2022-03-01 to 2022-03-31"
_EACH = "longest of each day"
_STEPS = "records of activity_day"


def _read(text: str) -> Question | None:
    return read(text, NAMES, NOW, 60)


READ = [
    ("How many nights of sleep do I have recorded in 2022?", f"days of {NIGHTS} in 2022 {_EACH}", Take.VALUE),
    ("What was my average sleep in March 2022?", f"mean of {NIGHTS} {_MARCH} {_EACH}", Take.VALUE),
    ("how long did i sleep last night", f"sum of {NIGHTS} on 2026-03-18 {_EACH}", Take.VALUE),
    ("How long was I in bed last night?", f"sum duration of {NIGHTS} on 2026-03-18 {_EACH}", Take.VALUE),
    ("When was my longest night in 2022?", f"max of {NIGHTS} in 2022 {_EACH}", Take.DAY),
    ("In 2022, which night did I sleep the least?", f"min of {NIGHTS} in 2022 {_EACH}", Take.DAY),
    ("What was my usual bedtime on weekends?", f"mean start of {NIGHTS} on weekends {_EACH}", Take.VALUE),
    ("What time did I get up today?", f"max end of {NIGHTS} on 2026-03-18 {_EACH}", Take.VALUE),
    ("When did I fall asleep last night?", f"max start of {NIGHTS} on 2026-03-18 {_EACH}", Take.VALUE),
    ("When did I last sleep less than 5 hours?", f"last of {NIGHTS} where amount < 18000 {_EACH}", Take.DAY),
    ("On which weekday did I sleep the longest in 2022?", f"mean of {NIGHTS} in 2022 {_EACH} by weekday", Take.BEST),
    ("How many steps did I take yesterday?", f"sum of {_STEPS} on 2026-03-17 counted once", Take.VALUE),
    ("What's my average step count on Mondays?", f"mean of {_STEPS} on Monday counted once", Take.VALUE),
    ("On which day did I take the most steps?", f"max of {_STEPS} counted once", Take.DAY),
    ("What's my longest streak of days over 10k steps?",
     f"longest streak of {_STEPS} where amount > 10000 counted once", Take.VALUE),
    ("On how many days did I walk at least 8,000 steps in 2022?",
     f"days of {_STEPS} where amount >= 8000 in 2022 counted once", Take.VALUE),
    ("What do I weigh?", "last of records of weight_day", Take.VALUE),
    ("How heavy was I at my lightest?", "min of records of weight_day", Take.VALUE),
    ("How many hours was I at the computer in March 2022?",
     f"sum of records of app_time_day where amount > 0 {_MARCH}", Take.VALUE),
    ("How much time did I spend on Software Development in 2022?",
     "sum of records of app_time_day where amount > 0 and item = 'Software Development' in 2022", Take.VALUE),
    ("What was my top computer category in 2022?",
     "sum of records of app_time_day where amount > 0 in 2022 by item", Take.BEST),
    ("How many hours did I code in Python?",
     "sum of records of coding_time_day where amount > 0 and item = 'Python'", Take.VALUE),
    ("How many songs did I play in 2022?", "count of records of listen in 2022", Take.VALUE),
    ("Who did I listen to most in 2022?", "count of records of listen in 2022 by artist", Take.BEST),
    ("What's my most played album by Radiohead?",
     "count of records of listen where artist = 'Radiohead' by album", Take.BEST),
    ("When did I first listen to Radiohead?", "first of records of listen where artist = 'Radiohead'", Take.DAY),
    ("Which artists did I listen to on 5 March 2022?",
     "count of records of listen on 2022-03-05 by artist", Take.NAMES),
    ("What are my top 3 artists of 2022?", "count of records of listen in 2022 by artist limit 3", Take.NAMES),
    ("How many different artists did I hear in 2022?", "count of records of listen in 2022 by artist", Take.NUMBER),
    ("How many podcast episodes did I listen to in 2022?",
     "count of records of podcast in 2022 by text", Take.NUMBER),
    ("How many tweets did I like in 2022?", "count of records of like in 2022", Take.VALUE),
    ("How often did I go running in 2022?",
     "count of records of workout where activity = 'running' in 2022 without doubles", Take.VALUE),
    ("When did I last go cycling?",
     "last of records of workout where activity = 'biking' without doubles", Take.DAY),
    ("How many times did I run more than 30 minutes?",
     "count of records of workout where activity = 'running' and duration > 1800 without doubles", Take.VALUE),
    ("For how many days in a row did I not play any song at most?",
     "longest pause between records of listen", Take.VALUE),
    ("What is the longest gap in my sleep records?", f"longest pause between {NIGHTS} {_EACH}", Take.VALUE),
    ("How much weight did I lose in 2022?", "first of records of weight_day in 2022", Take.CHANGE),
    ("Did I sleep more in 2021 or 2022?", f"mean of {NIGHTS} in 2021 {_EACH}", Take.MORE),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence", "take"), READ)
def test_a_question_becomes_a_query(text: str, sentence: str, take: Take) -> None:
    found = _read(text)
    assert found is not None
    assert (written(found.query), found.take) == (sentence, take)


DECLINED = [
    "What is my height?", "How many hours did Anna sleep in 2022?", "How long did she sleep last night?",
    "How long did I sleep after the party in 2022?", "How many steps did I take before lunch on 5 March 2022?",
    "How many songs did I play while running in 2022?", "How many steps did I take on days when I slept badly?",
    "How much deep sleep did I get in March 2022?", "How much money did I spend on music in 2022?",
    "How many hours did I spend at work in 2022?", "Where did I sleep on 5 March 2022?", "Why did I sleep so little?",
    "Will I sleep more in 2027?", "Who likes my tweets most?", "How many likes did my tweets get in 2022?",
    "What's the average sleep of people in Germany?", "How much does my computer weigh?", "When did I buy my computer?",
    "When did I last see my computer?", "How many songs did Taylor Swift release in 2022?",
    "How many times did I see Taylor Swift live?", "How many steps did I take in 2021 and 2022?",
    "How many nights did I sleep away from home?", "How often did I wake up at night in 2022?",
    "How many tweets mentioned coffee?", "How long was the longest song I played?", "How many songs did I skip?",
    "I slept 7 hours last night.", "I listened to Radiohead a lot in 2022.", "My weight went up in 2022.",
    "play Radiohead", "remind me to go to bed at 10", "Do I sleep more on days with more steps?",
    "What is my heart rate when I sleep?", "How many steps per hour did I take in 2022?",
    "How many steps did I take not counting weekends in 2022?", "Who sleeps the most in my family?",
    "What was the third most played artist in 2022?", "How many more steps did I take in 2022 than in 2021?",
    "How many steps short of 10,000 was I on 5 March 2022?", "Am I sleeping less than I used to?",
    "How many steps did I take yesterday evening?", "How many hours of music did I listen to in 2022?",
    "How much sleep did I lose in 2022?", "How often did I go to bed after midnight in 2022?", "How often did I sleep?",
    "How many people did I write to?", "What did I listen to last night?", "Radiohead?", "2022?", "sleep", "",
    "How many steps did I take on 31 February 2022?", "In 2022 on which day?",
]  # fmt: skip


@pytest.mark.parametrize("text", DECLINED)
def test_what_cannot_be_read_whole_is_not_read(text: str) -> None:
    assert _read(text) is None


_PLAIN = [text for text, _, _ in READ if not any(name in text for name in ("Radiohead", "Software", "Python"))]


@given(st.sampled_from(_PLAIN), st.data())
def test_a_word_more_that_is_not_known_and_nothing_is_read(text: str, data: st.DataObject) -> None:
    words = text.split(" ")
    at = data.draw(st.integers(0, len(words)))
    strange = data.draw(st.sampled_from(["zebra", "Mira", "deep", "never-ending", "Zürich"]))
    assert _read(" ".join([*words[:at], strange, *words[at:]])) is None


_PIECES = (
    "how many most sleep in 2022 @0 #1 march 31 feb 99 over 10k than or - 's the Radiohead last night ? \x00 0 between"
    " and from to weekends first"
).split(" ")


@settings(max_examples=300, deadline=None)
@given(st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from(_PIECES), max_size=14).map(" ".join),
))  # fmt: skip
def test_no_text_is_too_strange(text: str) -> None:
    _read(text)


# -- words -------------------------------------------------------------------------------------------------------------


def test_misspelt_words_are_read_and_said() -> None:
    found = _read("what was my avrage bedtme in march 2022")
    assert found is not None
    assert written(found.query) == f"mean start of {NIGHTS} {_MARCH} {_EACH}"
    assert "“avrage” read as “average”" in found.understood
    assert _read("How many stops did I make in 2022?") is None  # a word of its own


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("How often did I listen to Sleep?", "artist = 'Sleep'"),
        ("How many times have I played The 1975?", "artist = 'The 1975'"),
        ("How often did I listen to the 1975 in 2022?", "artist = 'The 1975' in 2022"),
        ("How often did I play bjork?", "artist = 'Björk'"),
        ("How often did I play TAYLOR SWIFT?", "artist = 'Taylor Swift'"),
        ("How often did I play Taylor?", "artist = 'Taylor'"),
        ("How often did I play The Band?", "artist = 'The Band'"),
        ("How often did I play Radiohead?", "artist = 'Radiohead'"),  # an album, too
        ("How often did I play Kid A?", "album = 'Kid A'"),
        ("How often did I play Steps?", "track = 'Steps'"),
        ("How often did I play Computer Love?", "album = 'Computer Love'"),
    ],
)
def test_names_that_are_also_words(text: str, condition: str) -> None:
    found = _read(text)
    assert found is not None
    assert written(found.query) == f"count of records of listen where {condition}"


def test_a_plain_word_is_no_name_where_the_question_can_be_read_without_it() -> None:
    found = _read("How many steps did I take in 2022?")
    assert found is not None
    assert found.topic == "steps"
    assert _read("How much did I sleep on the computer?") is None


def test_what_was_understood_is_said() -> None:
    found = _read("What was my average sleep on weekends in March 2022?")
    assert found is not None
    assert found.understood == "average time asleep on weekends, March 2022"
