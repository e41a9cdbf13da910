"""The forms of English verbs, so that tables name a verb once: "go to bed" also stands for "went to bed"."""

from __future__ import annotations

import re

_IRREGULAR = {
    line.split()[0]: line.split()
    for line in """
be is are was were been being
beat beats beaten beating
become becomes became becoming
begin begins began begun beginning
break breaks broke broken breaking
bring brings brought bringing
catch catches caught catching
come comes came coming
creep creeps crept creeping
do does did done doing
draw draws drew drawn drawing
drop drops dropped dropping
drive drives drove driven driving
eat eats ate eaten eating
fall falls fell fallen falling
feel feels felt feeling
find finds found finding
fit fits fitted fitting
get gets got gotten getting
give gives gave given giving
go goes went gone going
have has had having
hear hears heard hearing
hit hits hitting
hold holds held holding
keep keeps kept keeping
know knows knew known knowing
lay lays laid laying
leave leaves left leaving
lie lies lay lain lying
lose loses lost losing
make makes made making
put puts putting
read reads reading
rise rises rose risen rising
run runs ran running
say says said saying
send sends sent sending
set sets setting
shed sheds shedding
show shows showed shown showing
shut shuts shutting
sink sinks sank sunk sinking
sit sits sat sitting
sleep sleeps slept sleeping
spend spends spent spending
spin spins spun spinning
stand stands stood standing
stick sticks stuck sticking
swim swims swam swum swimming
take takes took taken taking
tell tells told telling
think thinks thought thinking
throw throws threw thrown throwing
wake wakes woke woken waking
win wins won winning
write writes wrote written writing
""".strip().splitlines()
}
_VOWEL = "aeiou"


def forms_of(verb: str) -> list[str]:
    """The verb as it stands in a dictionary, its third person, past and "-ing" forms."""
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb.endswith("e") and not verb.endswith("ee"):
        return [verb, f"{verb}s", f"{verb}d", f"{verb[:-1]}ing"]
    if verb.endswith("y") and verb[-2] not in _VOWEL:
        return [verb, f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing"]
    third = f"{verb}es" if verb.endswith(("s", "sh", "ch", "x", "z", "o")) else f"{verb}s"
    # "stop" doubles its last letter, "look" and "open" do not.
    last = verb[-1] if re.fullmatch(r"[^aeiou]*[aeiou][bdgklmnprt]", verb) and not verb.endswith("k") else ""
    return [verb, third, f"{verb}{last}ed", f"{verb}{last}ing"]


def phrases_of(phrase: str) -> list[str]:
    """A phrase that begins with a verb, in each form of the verb."""
    verb, _, rest = phrase.partition(" ")
    return [f"{form} {rest}".strip() for form in forms_of(verb)]
