"""A query that a capable model writes for a question plain code does not understand, checked before it is asked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hearthside.errors import Refused
from hearthside.memory.asking.parse import parse
from hearthside.memory.asking.query import Filter, Query
from hearthside.memory.asking.source import Vocabulary
from hearthside.memory.held_model import HeldModel
from hearthside.memory.questions.grammar import UNKNOWN, described, grammar_of, offer_of
from hearthside.memory.questions.mentions import answers_the_question, mentions_of
from hearthside.memory.questions.names import Names
from hearthside.memory.questions.topics import TOPICS

LONGEST_QUESTION = 300
_MOST_TOKENS = 96
_COMPUTED = re.compile(
    r"\bhow (?:many|much|often|long|far|late|early|heavy)\b|\b(?:average|typical|usual|mean|median|total|altogether"
    r"|most|least|longest|shortest|earliest|latest|busiest|highest|lowest|biggest|smallest|heaviest|lightest"
    r"|fewest|count|number of|per (?:day|week|month))\b"
    r"|\bwhich (?:day|weekday|month|year|artist|song|album|app|hour)|\bwhat (?:time|day|weekday|month|year|share)"
    r"|\bwhen did i (?:first|last)|\b(?:first|last) time\b|\b(?:streak|in a row)\b"
    r"|\bwie (?:oft|viele?|lange|spät|früh|schwer|weit)\b|\b(?:durchschnitt|im schnitt|insgesamt|meisten|wenigsten"
    r"|längste|höchste|niedrigste|schwerste|leichteste|größte|kleinste|kürzeste"
    r"|späteste|früheste|zuletzt|zum ersten mal|zum letzten mal|häufigste)\w*\b|\ban welchem tag\b"
    r"|몇|얼마나|평균|총|가장|제일|마지막으로|처음으로|언제"
    r"|何回|何時|何歩|何曲|何キロ|何日|どれくらい|どのくらい|平均|合計|一番|最も|最後に|最初に"
    r"|多少|几次|幾次|几点|多久|多长|平均|总共|一共|最多|最少|最长|最后一次|第一次",
    re.IGNORECASE,
)
_TASK = (
    "Write the query that computes what the person asks about their own life. Take one of these:\n{names}\n"
    "Beginnings: count (how many, how often), days (on how many days), sum, mean, median, min, max, first, last (when),"
    ' longest gap, longest streak, longest pause. "by weekday" and the like only when the question asks which one is'
    " most or least, or for each. If the question asks for anything that these cannot compute, write: unknown"
)
_SHOWN = (
    ("How much sleep do I get on a usual night?", "mean of records of sleep"),
    ("Wann gehe ich im Schnitt ins Bett?", "mean start of records of sleep"),
    ("How many songs have I put on?", "count of records of listen"),
    ("What did the doctor say about my knee?", "unknown"),
    ("Which band gets the most plays?", "count of records of listen by artist"),
    ("제일 오래 잔 밤은?", "max of records of sleep"),
    ("一共走了多少步？", "sum of records of activity_day"),
    ("Wie viel Geld habe ich ausgegeben?", "unknown"),
    ("最後に運動したのはいつ？", "last of records of workout"),
    ("On which weekday do I walk the least?", "mean of records of activity_day by weekday"),
    ("How many days in a row did I work out?", "longest streak of records of workout"),
    ("How much time did I spend at work each month?", "time of episodes of work by month"),
)  # fmt: skip
_CHECK = (
    "A question about a person's life and a query over their records are given. Does the query compute exactly what the"
    " question asks for: the same thing, the same measure, nothing left out? Answer yes or no."
)
_CHECKED = (
    ("How much sleep do I get on a usual night?", "mean of records of sleep", "yes"),
    ("How many different artists did I hear?", "count of records of listen", "no"),
    ("Wie oft war ich joggen?", "count of records of workout", "yes"),
    ("How much did I spend on coffee?", "sum of records of activity_day", "no"),
    ("最後に運動したのはいつ？", "first of records of workout", "no"),
    ("On which weekday do I walk the least?", "mean of records of activity_day by weekday", "yes"),
    ("When did I go to bed on average?", "mean end of records of sleep", "no"),
    ("가장 많이 들은 가수는?", "count of records of listen by artist", "yes"),
    ("Wie viele Schritte waren es gestern?", "sum of records of activity_day on 2025-03-03", "yes"),
    ("How long was I at the gym in June 2025?", "sum of records of app_time_day from 2025-06-01 to 2025-06-30", "no"),
    ("去年听了几首歌？", "count of records of listen from 2024-01-01 to 2024-12-31", "yes"),
    ("今月は平均何時に起きましたか？", "mean end of records of sleep from 2025-03-01 to 2025-03-31", "yes"),
    ("What was my weight on average in May?", "count of records of weight_day from 2025-05-01 to 2025-05-31", "no"),
    ("어제 몇 시간 잤어?", "sum of records of sleep on 2025-03-03", "yes"),
)  # fmt: skip
_YES_OR_NO = 'root ::= "yes" | "no"'


@dataclass(frozen=True, slots=True)
class Ground:
    """What a question may be about: the names of a life, and the present.

    Attributes:
        known: kinds, places and the rest; names: artists, shows ...; people: who wrote or spoke.
    """

    known: Vocabulary
    names: Names
    people: tuple[str, ...]
    now_ms: int
    offset_min: int


def is_computable(text: str) -> bool:
    """Whether a question asks for a number, a time, or the one that is most, in one of five languages."""
    return len(text) <= LONGEST_QUESTION and _COMPUTED.search(text) is not None


def version() -> str:
    """Changes with whatever the model is asked."""
    return hashlib.sha256(json.dumps([_TASK, _SHOWN, _CHECK, _CHECKED]).encode()).hexdigest()[:16]


def written_by(model: HeldModel, text: str, ground: Ground) -> Query | None:
    """The query a model writes for a question; None where it writes none or one that does not answer it.

    Every time, weekday, number and name that plain code sees in the question must be in the query, and none besides;
    then the model is asked once more, with the query before it, whether it computes what is asked.

    Raises:
        RetryLater: the model is away.
    """
    text = " ".join(text.split())
    if not is_computable(text):
        return None
    mentions = mentions_of(
        text, ground.names, ground.people, ground.known.places, ground.now_ms, ground.offset_min
    )  # fmt: skip
    if mentions is None:
        return None
    offer = offer_of(ground.known, mentions, ground.names.known.get("activity", {}).values())
    try:
        said = model.say(_turns(_TASK.format(names=described(offer)), _SHOWN, text), grammar_of(offer), _MOST_TOKENS)
        if said in {"", UNKNOWN}:
            return None
        query = parse(said, ground.known, ground.now_ms, ground.offset_min)
        if not answers_the_question(query, mentions):
            return None
        asked = f"{text}\nQuery: {said}"
        checked = tuple((f"{question}\nQuery: {one}", answer) for question, one, answer in _CHECKED)
        return as_usual(query) if model.say(_turns(_CHECK, checked, asked), _YES_OR_NO, 4) == "yes" else None
    except Refused:
        return None  # longer than the model reads, or nothing that can be asked


def _turns(task: str, shown: Sequence[tuple[str, str]], text: str) -> list[tuple[str, str]]:
    turns = [("system", task)]
    for question, answer in shown:
        turns += [("user", question), ("assistant", answer)]
    return [*turns, ("user", text)]


def query_of(said: str, ground: Ground) -> Query:
    """The query of a text in the query language, with what always holds of its kind.

    Raises:
        Refused: the text is no query, or one of nothing that there is.
    """
    return as_usual(parse(said, ground.known, ground.now_ms, ground.offset_min))


def as_usual(query: Query) -> Query:
    """As plain code asks of the same kind: the longest sleep of a night, one source of steps, no empty days."""
    what = query.select.what
    usual = next((t.where for t in TOPICS.values() if what.of == "events" and what.names == (t.kind,)), Filter())
    where = query.select.where
    more = tuple(test for test in usual.tests if test not in where.tests)
    where = replace(
        where,
        once=where.once or usual.once,
        longest=where.longest or usual.longest,
        apart=where.apart or usual.apart,
        tests=where.tests + more,
    )
    return replace(query, select=replace(query.select, where=where))
