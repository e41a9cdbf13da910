"""Answers in OpenAI's form: what is added beside the standard fields."""

from __future__ import annotations

from hearthside.companion.answers import Answer, AnswerMode
from hearthside.web.doors.chat_answer import evidence_of


def test_a_client_is_told_which_question_it_was_and_whether_asking_again_may_give_more() -> None:
    short = Answer(
        "I am here.", AnswerMode.CONVERSATION, limited="The language model is away.", question="ab" * 16,
        improvable=True,
    )  # fmt: skip
    assert evidence_of(short, "v1_a_b") == {
        "mode": "conversation", "evidence": [], "query": "", "value": "", "worded_by": "",
        "limited": "The language model is away.", "conversation": "v1_a_b", "question": "ab" * 16, "improvable": True,
    }  # fmt: skip
    assert evidence_of(Answer("Done.", AnswerMode.CONVERSATION), "")["improvable"] is False
