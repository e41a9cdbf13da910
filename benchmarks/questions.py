"""Questions in words over one life, answered as the companion answers them, against keys computed from the raw files.

Run: ``.venv/bin/python benchmarks/questions.py --data DIR [--smoke] [--paraphrases] [--wrong]``. DIR is a folder of
exports (Oura, Last.fm, RescueTime ...); it may hold fewer files. The last line is one JSON object.

The folder is imported by the real importer into a new vault and the life stream is built. Each question goes through
the companion's own reading and computing (`companion.computed`). A value is exact when the number, rounded to the
decimals of the key, is the same, or the same date, clock time, name, period or set of names; a question that is
declined, or answered with nothing, counts as wrong. Keys and their definitions: ``question_keys.py``, which shares no
code with the product. `paraphrase_exact` is null unless ``--paraphrases`` is given: those sixty-odd wordings are kept
apart, are not tuned on, and are measured seldom.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is run as a file

from benchmarks.life import import_folder, open_vault_in
from benchmarks.question_answers import Key
from benchmarks.question_keys import Question, paraphrases, questions
from hearthside.companion.computed import Computing, computing
from hearthside.events import local_datetime
from hearthside.memory.questions import Figure

SMOKE_QUESTIONS = 60
KEYS = ("exact", "n", "by_kind", "p50_s", "paraphrase_exact", "paraphrases", "kinds", "names_s", "imported", "rejected",
        "import_s", "stream_s")  # fmt: skip
_HOUR_S = 3600.0


def value_of(figure: Figure, question: Question) -> Key | None:
    """The value of an answer as the key counts it; None where there is none."""
    value = figure.value
    if value is None:
        return None
    if isinstance(value, tuple):
        return tuple(sorted(value))
    if isinstance(value, str):
        return _period(figure, value) if question.unit == "period" else value
    if question.unit == "clock":
        minute = round(value) % 1440
        return f"{minute // 60:02d}:{minute % 60:02d}"
    number = value / _HOUR_S if question.unit == "hours" else value
    return round(number, question.decimals) if question.decimals else round(number)


def _period(figure: Figure, label: str) -> str:
    """The period that an answer names, as YYYY or YYYY-MM."""
    asked = figure.question
    first, last = asked.queries[asked.labels.index(label)].select.where.days
    assert first is not None
    assert last is not None
    return first[:4] if first[:7] != last[:7] else first[:7]


def is_exact(computer: Computing, question: Question, now_ms: int, offset_min: int) -> tuple[bool, str]:
    """Whether a question is answered exactly, and what was understood and said, for people to look at."""
    read = computer.read(question.text, now_ms, offset_min)
    if read is None:
        return False, "declined"
    figure = computer.figure(read, now_ms)
    value = value_of(figure, question)
    return value == question.key, f"{value} ({read.understood})"


def measure(computer: Computing, asked: Sequence[Question], now_ms: int, offset_min: int) -> dict[str, object]:
    """Exact answers, by kind, what was wrong, and seconds of the median question."""
    right, all_of, wrong, took = Counter[str](), Counter[str](), list[tuple[Question, str]](), list[float]()
    for question in asked:
        began = time.perf_counter()
        exact, said = is_exact(computer, question, now_ms, offset_min)
        took.append(time.perf_counter() - began)
        all_of[question.kind] += 1
        right[question.kind] += exact
        if not exact:
            wrong.append((question, said))
    return {
        "exact": round(right.total() / max(len(asked), 1), 4),
        "n": len(asked),
        "by_kind": {kind: [right[kind], all_of[kind]] for kind in sorted(all_of)},
        "wrong": wrong,
        "p50_s": sorted(took)[len(took) // 2] if took else None,
    }


def main(arguments: Sequence[str] | None = None) -> dict[str, object]:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, help="a folder in the format of life_person_A")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help=f"every n-th question, {SMOKE_QUESTIONS} at most")
    parser.add_argument("--paraphrases", action="store_true", help="also the paraphrases, as one number")
    parser.add_argument("--wrong", action="store_true", help="print what was answered wrong, not of the paraphrases")
    given = parser.parse_args(arguments)
    if given.data is None or not given.data.is_dir():
        print(json.dumps(nothing := dict.fromkeys(KEYS)))
        return nothing
    asked = questions(given.data, given.seed)
    if given.smoke:
        asked = asked[:: max(1, -(-len(asked) // SMOKE_QUESTIONS))]
    with tempfile.TemporaryDirectory() as folder:
        rooms = open_vault_in(Path(folder))
        spent = import_folder(rooms, sorted(path for path in given.data.iterdir() if path.is_file()))
        now = rooms.clock()
        offset = rooms.stream.offset_on(local_datetime(now, 0).date().isoformat())
        computer = computing(rooms.stream, rooms.journal)
        began = time.perf_counter()
        computer.names.current()
        names_s = time.perf_counter() - began
        found = measure(computer, asked, now, offset)
        rephrased = measure(computer, paraphrases(given.data), now, offset) if given.paraphrases else None
        rooms.journal.close()
    wrong = found.pop("wrong")
    if given.wrong and isinstance(wrong, list):
        for question, said in wrong:
            print(f"{question.id:36} {question.text}  key {question.key}, got {said}")
    by_kind = found["by_kind"]
    assert isinstance(by_kind, dict)
    print(f"\n{'kind':26}{'exact':>7}{'asked':>7}")
    for kind, (right, n) in by_kind.items():
        print(f"{kind:26}{right:7}{n:7}")
    result = {
        **found,
        "paraphrase_exact": rephrased["exact"] if rephrased else None,
        "paraphrases": rephrased["n"] if rephrased else None,
        "kinds": len(by_kind),
        "names_s": round(names_s, 2),
        **spent,
    }
    print(json.dumps(result))
    return result


if __name__ == "__main__":
    main()
