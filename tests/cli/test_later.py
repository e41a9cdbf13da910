"""`hearthside later`: what a terminal was told without the model waits for a station that has it."""

from __future__ import annotations

from tests.cli.ended import Run


def test_a_question_is_put_off_listed_and_withdrawn(run: Run) -> None:
    assert run("later").out == "No question waits.\n"
    asked = run("ask", "--plain", "What is the name of my parrot?")
    assert "could not be asked" in asked.out
    answer = run("ask", "--plain", "--json", "What is the name of my parrot?").json()
    question = answer["question"]
    assert answer["improvable"] and answer["limited"]
    put_off = run("later", question)
    assert (put_off.status, put_off.out.split()[0]) == (0, question)
    assert [one["text"] for one in run("later", "--json").json()] == ["What is the name of my parrot?"]
    assert run("later", "--withdraw", question).out == "No question waits.\n"
    again = run("later", "--withdraw", question)
    assert again.status != 0 and "does not wait" in again.err
