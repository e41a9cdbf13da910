"""What is asked for where a fragment does not say so: "steps in March 2022", "artists played on 2 May 2024"."""

from __future__ import annotations

from dataclasses import replace

from hearthside.memory.questions.signs import Signs

_COUNTED = {"noun:play": "", "noun:session": "workout", "noun:episode": "podcast"}
_NO_MORE_SAID = ("ask:", "agg:", "per:", "neg:", "or:")


def with_implied(signs: Signs, plain: str, of_day: bool, timed: bool) -> Signs:
    """The signs with the one that a fragment leaves out, or as they are.

    A fragment names what is measured and a time and nothing else. What is counted is counted, what has a name is
    listed, what lasts is added up; where two of these are possible nothing is implied.

    Args:
        plain: the folded question.
        of_day: whether one of the times is a day; timed: whether there is a time.
    """
    said = signs.signs
    if not (timed or signs.names) or any(sign.startswith(_NO_MORE_SAID) for sign in said):
        return signs
    asks = _implied(signs, plain, of_day)
    return replace(signs, signs=said | {asks}) if asks else signs


def _implied(signs: Signs, plain: str, of_day: bool) -> str:
    said = signs.signs
    of = {sign for sign in said if sign.startswith("of:")}
    begins = plain.lstrip()
    if "noun:artist" in said or (of == {"of:podcast"} | (of & {"of:music"}) and "noun:episode" not in said):
        return "ask:what" if begins.startswith(_MANY) or "noun:show" in said else ""
    sort = signs.names[0].sort if signs.names else ""
    if said & _COUNTED.keys() or (sort == "activity" and begins.endswith("s")):
        return "ask:how_many"
    if of in ({"of:post"}, {"of:like"}, {"of:post", "of:like"}, {"of:workout"}, {"of:steps"}):
        return "ask:how_many"
    if of in ({"of:sleep"}, {"of:weight"}) and of_day:
        return "ask:how_much"
    if of == {"of:sleep"} and "noun:night" in said and begins.startswith(("nights", "my nights", "number")):
        return "ask:how_many"
    if said & {"unit:hours", "unit:time", "unit:minutes"} and (of & {"of:computer", "of:coding"} or sort in _LASTING):
        return "ask:how_much"
    return ""


_MANY = ("artists", "bands", "musicians", "singers", "acts", "podcasts", "podcast shows", "shows", "my podcasts")
_LASTING = {"item", "language"}
