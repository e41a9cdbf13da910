"""Time expressions in five languages against a table, and against any text at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearthside.memory.when_languages import find_any_period
from tests.alignment.lives import at

NOW = at("2026-05-06 10:00")  # a Wednesday


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("two summers ago", "2024-06-01", "2024-08-31"),
        ("last summer", "2025-06-01", "2025-08-31"),
        ("last winter", "2025-12-01", "2026-02-28"),
        ("this spring", "2026-03-01", "2026-05-31"),
        ("in summer 2023", "2023-06-01", "2023-08-31"),
        ("last Tuesday evening", "2026-05-05", "2026-05-05"),
        ("Was habe ich gestern Abend gegessen?", "2026-05-05", "2026-05-05"),
        ("Wo war ich letzten Dienstag?", "2026-05-05", "2026-05-05"),
        ("Was war am 5. Mai 2024?", "2024-05-05", "2024-05-05"),
        ("Was war am 5.3.?", "2026-03-05", "2026-03-05"),
        ("vor zwei Wochen", "2026-04-20", "2026-04-26"),
        ("Wen traf ich im März 2025?", "2025-03-01", "2025-03-31"),
        ("in den letzten drei Tagen", "2026-05-04", "2026-05-06"),
        ("vor zwei Sommern", "2024-06-01", "2024-08-31"),
        ("letztes Wochenende", "2026-05-02", "2026-05-03"),
        ("我昨天晚上吃了什么?", "2026-05-05", "2026-05-05"),
        ("上周二我去了哪里?", "2026-04-28", "2026-04-28"),
        ("2024年5月5日", "2024-05-05", "2024-05-05"),
        ("两个星期前", "2026-04-20", "2026-04-26"),
        ("去年夏天", "2025-06-01", "2025-08-31"),
        ("上个月", "2026-04-01", "2026-04-30"),
        ("昨日の夜、何を食べましたか", "2026-05-05", "2026-05-05"),
        ("先週の火曜日に誰に会いましたか", "2026-04-28", "2026-04-28"),
        ("2週間前に", "2026-04-20", "2026-04-26"),
        ("二年前の夏", "2024-06-01", "2024-08-31"),
        ("先月", "2026-04-01", "2026-04-30"),
        ("어제 저녁에 뭐 먹었어?", "2026-05-05", "2026-05-05"),
        ("지난주 화요일에 누구를 만났어?", "2026-04-28", "2026-04-28"),
        ("2024년 5월 5일", "2024-05-05", "2024-05-05"),
        ("두 달 전", "2026-03-01", "2026-03-31"),
        ("작년 여름", "2025-06-01", "2025-08-31"),
        ("지난 주말", "2026-05-02", "2026-05-03"),
    ],
)
def test_days(text: str, first: str, last: str) -> None:
    period, rest = find_any_period(text, NOW, 0)
    assert period is not None
    assert (period.first, period.last) == (first, last)
    assert len(rest) < len(text)


@pytest.mark.parametrize(
    "text",
    ["gestern Abend", "昨天晚上", "昨日の夜", "어제 저녁", "yesterday evening", "先週の火曜日の夜"],
)
def test_parts_of_the_day(text: str) -> None:
    period, rest = find_any_period(text, NOW, 0)
    assert period is not None
    assert (period.hours, rest) == ((18, 24), "")


@pytest.mark.parametrize("text", ["", "hello", "die Katze", "猫", "ねこ", "고양이", "99月99日", "am 45. Mai"])
def test_no_time(text: str) -> None:
    assert find_any_period(text, NOW, 0)[0] is None


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=30)
    | st.lists(st.sampled_from("上周 二 年 前 5 月 vor zwei Jahren 日 の 주 전 am .".split()), max_size=6).map("".join)
)
def test_any_text_is_read(text: str) -> None:
    period, _ = find_any_period(text, NOW, 0)
    assert period is None or period.first <= period.last
