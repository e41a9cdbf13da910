"""What a model may note: the predicates of the phrases, each with what it means, and the grammar of its findings."""

from __future__ import annotations

from dataclasses import dataclass

from hearthside.memory.facts.phrases import PHRASES


@dataclass(frozen=True, slots=True)
class Predicate:
    """One thing that can be said of somebody.

    Attributes:
        topic, sentence, single: as in `Phrase`.
        asks: what the value is, for the model.
        roles: what the one named can be to the person; empty where the predicate needs no role.
    """

    name: str
    topic: str
    sentence: str
    single: bool
    asks: str
    roles: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether the value is a name, which is never written with a small letter where there are capitals."""
        return self.name in _NAMED


_KIN = (
    "sister brother mother father wife husband partner girlfriend boyfriend son daughter aunt uncle grandmother"
    " grandfather cousin niece nephew flatmate boss"
).split()
_PETS = "dog cat parrot rabbit hamster horse tortoise".split()
_ASKS = {
    "lives_in": "city, country or quarter where the writer lives",
    "grew_up_in": "place where the writer grew up",
    "born": "when or where the writer was born",
    "birthday": "date of the writer's birthday",
    "works_at": "employer of the writer",
    "works_as": "job of the writer",
    "studies": "subject the writer studies",
    "family": "name of a person in the role",
    "pet": "name of a pet, its kind is the role",
    "has_pet": "kind of animal the writer has",
    "allergic_to": "what the writer is allergic to or cannot eat",
    "diet": "how the writer eats: vegetarian, vegan",
    "condition": "illness the writer has",
    "speaks": "language the writer speaks",
    "learns": "what the writer is learning",
    "plays": "instrument or sport the writer plays",
    "likes": "what the writer likes",
    "dislikes": "what the writer dislikes",
}
_NAMED = frozenset({"lives_in", "grew_up_in", "works_at", "family", "pet", "speaks"})
_BY_NAME = {phrase.predicate: phrase for phrase in reversed(PHRASES)}
_ROLES = {"family": tuple(_KIN), "pet": tuple(_PETS)}

VOCABULARY: dict[str, Predicate] = {
    name: Predicate(
        name, _BY_NAME[name].topic, _BY_NAME[name].sentence, _BY_NAME[name].single, asks, _ROLES.get(name, ())
    )
    for name, asks in _ASKS.items()
} | {"plans": Predicate("plans", "plans", "You planned: {value}.", False, "what the writer has decided to do")}
"""By name. What began, ended or is the favourite is left out: `holds` and ``likes`` tell it."""

OFFERED = tuple(name for name in VOCABULARY if name != "plans")
"""What models are asked for. Not plans: small models took every appointment for one (docs/lab/0008)."""

OF_OTHERS = ("lives_in", "works_at", "works_as", "birthday", "allergic_to", "diet", "likes", "dislikes")
"""Of these it is kept what known people say of the person, as their words."""

MOST_FINDINGS = 4
LONGEST_VALUE = 60  # characters


def _rule(names: tuple[str, ...]) -> str:
    return " | ".join(f'"\\"{name}\\""' for name in names)


def grammar_of(names: tuple[str, ...] = OFFERED) -> str:
    """GBNF of a list of at most `MOST_FINDINGS` findings with these predicates, and of nothing else.

    A finding is ``{"about": predicate, "role": role, "quote": words, "holds": "yes" | "no", "since": words or ""}``,
    with ``role`` only where the predicate has roles.
    """
    plain = tuple(name for name in names if not VOCABULARY[name].roles)
    kinds = [f'"{{\\"about\\":" ( {_rule(plain)} ) tail']
    kinds += [
        f'"{{\\"about\\":\\"{name}\\",\\"role\\":" ( {_rule(VOCABULARY[name].roles)} ) tail'
        for name in names
        if VOCABULARY[name].roles
    ]
    return (
        f'root ::= "[" ( finding ( "," finding ){{0,{MOST_FINDINGS - 1}}} )? "]"\n'
        f"finding ::= {' | '.join(kinds)}\n"
        f'tail ::= ",\\"quote\\":\\"" char{{1,{LONGEST_VALUE}}} "\\",\\"holds\\":" ( "\\"yes\\"" | "\\"no\\"" )'
        ' ",\\"since\\":\\"" char{0,30} "\\"}"\n'
        'char ::= [^"\\\\\\x00-\\x1f]\n'
    )
