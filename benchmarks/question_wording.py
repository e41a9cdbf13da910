"""How the questions of the benchmark are worded: three templates a variant, and how periods, dates and names are shown.

A slot is shown plainly (`{period}`: "March 2022", `{date}`: "5 March 2022"), or as a format asks: `lower`, `short`
("Mar 2022"), `us` ("March 5, 2022"), `ordinal` ("5th of March 2022"), `k` and `plain` for thresholds ("10k", "10000").
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

_MONTHS = "January February March April May June July August September October November December".split()
_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}

_LINES = """
sleep_amount nights | How many nights of sleep do I have recorded in {period}?
sleep_amount nights | In {period}, for how many nights is there a sleep record?
sleep_amount nights | Count the nights with sleep data in {period}.
sleep_amount average | How many hours did I sleep per night on average in {period}?
sleep_amount average | What was my average sleep in {period}?
sleep_amount average | How long did I sleep on average in {period}?
sleep_extreme longest | On which date did I wake up from my longest night of sleep in {period}?
sleep_extreme longest | When was my longest night in {period}?
sleep_extreme longest | In {period}, which night did I sleep the longest?
sleep_extreme shortest | On which date did I wake up from my shortest night of sleep in {period}?
sleep_extreme shortest | When was my shortest night in {period}?
sleep_extreme shortest | In {period}, which night did I sleep the least?
sleep_clock bedtime all | What was my average bedtime in {period}?
sleep_clock bedtime all | At what time did I go to bed on average in {period}?
sleep_clock bedtime all | In {period}, when did I usually fall into bed, on average?
sleep_clock wake all | What was my average wake time in {period}?
sleep_clock wake all | At what time did I wake up on average in {period}?
sleep_clock wake all | In {period}, when did I get up on average?
sleep_clock wake some | What was my average wake time on {days} in {period}?
sleep_clock wake some | On {days} in {period}, at what time did I wake up on average?
sleep_clock wake some | When did I get up on {days} in {period}, on average?
sleep_on_date | How long did I sleep in the night to {date}?
sleep_on_date | How many hours of sleep did I wake up from on {date}?
sleep_on_date | How much did I sleep the night before I woke up on {date}?
last_sleep_under | When did I last sleep less than {hours} hours?
last_sleep_under | When was the last time I slept under {hours} hours?
last_sleep_under | What is the date of my most recent night with fewer than {hours} hours of sleep?
steps_amount total | How many steps did I take in {period}?
steps_amount total | What was my total number of steps in {period}?
steps_amount total | In {period}, how many steps did I walk in total?
steps_amount average all | How many steps did I take per day on average in {period}?
steps_amount average all | What was my average number of daily steps in {period}?
steps_amount average all | On average, how many steps a day did I walk in {period}?
steps_amount average some | How many steps did I take on average on {days} in {period}?
steps_amount average some | What was my average step count on {days} in {period}?
steps_amount average some | On {days} in {period}, how many steps a day did I walk on average?
steps_top_day | On which day did I take the most steps in {period}?
steps_top_day | What was my day with the most steps in {period}?
steps_top_day | When did I walk the most steps in {period}?
steps_top_weekday | On which weekday did I take the most steps on average in {period}?
steps_top_weekday | Which day of the week had the most steps on average in {period}?
steps_top_weekday | In {period}, on what weekday did I walk the most on average?
steps_streak streak | What was my longest streak of days over {threshold} steps in {period}?
steps_streak streak | How many days in a row did I walk more than {threshold} steps at most in {period}?
steps_streak streak | In {period}, what is the longest run of consecutive days with more than {threshold} steps?
steps_streak ever | What was my longest streak of days over {threshold} steps?
steps_streak ever | How many days in a row did I walk more than {threshold} steps at most?
steps_streak ever | What is the longest run of consecutive days with more than {threshold} steps?
steps_streak days | On how many days did I take more than {threshold} steps in {period}?
steps_streak days | How many days over {threshold} steps did I have in {period}?
steps_streak days | Count the days in {period} with more than {threshold} steps.
artist_first_last first | When did I first listen to {artist}?
artist_first_last first | What was the first time I played {artist}?
artist_first_last first | On which date did I play {artist} for the first time?
artist_first_last last | When did I last listen to {artist}?
artist_first_last last | What was the last time I played {artist}?
artist_first_last last | On which date did I most recently play {artist}?
artist_plays ever | How many times have I played {artist}?
artist_plays ever | How often did I listen to {artist} in total?
artist_plays ever | What is my number of plays of {artist}?
artist_plays period | How many times did I play {artist} in {period}?
artist_plays period | How often did I listen to {artist} in {period}?
artist_plays period | In {period}, how many plays of {artist} were there?
plays_total | How many songs did I play in {period}?
plays_total | How many songs did I listen to in {period}?
plays_total | In {period}, how many plays of music were there?
music_top artist | Who was my top artist in {period}?
music_top artist | Which artist did I play the most in {period}?
music_top artist | What was my most played artist of {period}?
music_top track | What was my top track in {period}?
music_top track | Which song did I play the most in {period}?
music_top track | What was my most played song of {period}?
music_top album | What was my top album in {period}?
music_top album | Which album did I play the most in {period}?
music_top album | What was my most played album of {period}?
played_on_date | Which artists did I listen to on {date}?
played_on_date | What artists did I play on {date}?
played_on_date | On {date}, which artists did I play?
computer_hours total any | How many hours was I at the computer in {period}?
computer_hours total any | How much time did I spend at the computer in {period}?
computer_hours total any | What was my total computer time in {period}?
computer_hours total one | How many hours did I spend on {category} in {period}?
computer_hours total one | How much computer time went to {category} in {period}?
computer_hours total one | What was my total time in {category} in {period}?
computer_hours average all | How many hours a day was I at the computer on average in {period}?
computer_hours average all | What was my average daily computer time in {period}?
computer_hours average all | On average, how long was I at the computer per day in {period}?
computer_hours average some | How many hours was I at the computer on average on {days} in {period}?
computer_hours average some | What was my average computer time on {days} in {period}?
computer_hours average some | On {days} in {period}, how long was I at the computer on average?
computer_top_category | What was my top computer category in {period}?
computer_top_category | Which category did I spend the most computer time on in {period}?
computer_top_category | In {period}, what kind of activity took most of my time at the computer?
computer_top_day | On which day did I spend the most time at the computer in {period}?
computer_top_day | What was my day with the most computer time in {period}?
computer_top_day | When was I at the computer the longest in {period}?
coding_hours | How many hours did I code in {period}?
coding_hours | How many hours of programming did I do in {period}?
coding_hours | How much time did I spend coding in {period}?
weight first | What was my first recorded weight?
weight first | How much did I weigh when my weight was first recorded?
weight first | What is the earliest weight on record?
weight last | What is my latest recorded weight?
weight last | How much did I weigh last?
weight last | What was my last recorded weight?
weight lowest | What was my lowest weight?
weight lowest | What is the lowest weight I have recorded?
weight lowest | What is the least I have weighed?
weight highest | What was my highest weight?
weight highest | What is the highest weight I have recorded?
weight highest | What is the most I have weighed?
weight on_date | How much did I weigh on {date}?
weight on_date | What was my weight on {date}?
weight on_date | On {date}, what did I weigh?
weight change | How did my weight change between {date_a} and {date_b}?
weight change | By how many kilograms did my weight change from {date_a} to {date_b}?
weight change | What was the change in my weight between {date_a} and {date_b}?
longest_gap music ever | What was my longest gap without listening to music, in days?
longest_gap music ever | How many days was the longest time I went without music?
longest_gap music ever | For how many days in a row did I not play any song at most?
longest_gap music period | What was my longest gap without listening to music in {period}, in days?
longest_gap music period | In {period}, how many days was the longest time I went without music?
longest_gap music period | For how many days in a row did I not play any song at most in {period}?
longest_gap sleep ever | What is the longest gap in my sleep records, in days?
longest_gap sleep ever | How many days was the longest time without a sleep record?
longest_gap sleep ever | For how many days in a row was no sleep recorded at most?
longest_gap sleep period | What is the longest gap in my sleep records in {period}, in days?
longest_gap sleep period | In {period}, how many days was the longest time without a sleep record?
longest_gap sleep period | For how many days in a row was no sleep recorded at most in {period}?
longest_gap steps ever | What is the longest gap in my step records, in days?
longest_gap steps ever | How many days was the longest time without recorded steps?
longest_gap steps ever | For how many days in a row were no steps recorded at most?
longest_gap steps period | What is the longest gap in my step records in {period}, in days?
longest_gap steps period | In {period}, how many days was the longest time without recorded steps?
longest_gap steps period | For how many days in a row were no steps recorded at most in {period}?
longest_gap computer ever | What is the longest gap in my computer time, in days?
longest_gap computer ever | How many days was the longest time without recorded computer use?
longest_gap computer ever | For how many days in a row was no computer time recorded at most?
longest_gap computer period | What is the longest gap in my computer time in {period}, in days?
longest_gap computer period | In {period}, how many days was the longest time without recorded computer use?
longest_gap computer period | For how many days in a row was no computer time recorded at most in {period}?
podcasts count | How many podcast episodes did I listen to in {period}?
podcasts count | What was the number of podcast episodes I played in {period}?
podcasts count | In {period}, how many different podcast episodes did I listen to?
podcasts shows | Which podcasts did I listen to in {period}?
podcasts shows | What podcast shows did I play in {period}?
podcasts shows | In {period}, which podcasts did I play?
posts_likes tweets | How many tweets did I post in {period}?
posts_likes tweets | How often did I tweet in {period}?
posts_likes tweets | What was my number of tweets in {period}?
posts_likes likes | How many tweets from {period} did I like?
posts_likes likes | How many likes did I give on Twitter in {period}?
posts_likes likes | What was my number of liked tweets in {period}?
comparison sleep | Did I sleep more in {period_a} or {period_b}?
comparison sleep | In which did I sleep longer on average, {period_a} or {period_b}?
comparison sleep | Was my sleep longer in {period_a} or in {period_b}?
comparison steps | Did I take more steps in {period_a} or {period_b}?
comparison steps | When did I walk more steps a day, in {period_a} or in {period_b}?
comparison steps | Which had more steps, {period_a} or {period_b}?
comparison computer | Did I spend more time at the computer in {period_a} or {period_b}?
comparison computer | When was I at the computer more, in {period_a} or in {period_b}?
comparison computer | Which had more computer time, {period_a} or {period_b}?
comparison plays | Did I play more songs in {period_a} or {period_b}?
comparison plays | When did I listen to more music, in {period_a} or in {period_b}?
comparison plays | Which had more plays of music, {period_a} or {period_b}?
workouts | How many {activity} sessions did I record in {period}?
workouts | How many times did I do {activity} in {period}?
workouts | In {period}, how many {activity} workouts did I have?
"""


def _templates() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _LINES.strip().splitlines():
        variant, template = line.split(" | ")
        found.setdefault(variant, []).append(template)
    return found


TEMPLATES = _templates()


class _Shown(NamedTuple):
    """A slot's value as a format specification wants to see it."""

    name: str
    value: str

    def __format__(self, spec: str) -> str:
        if self.name.startswith("date"):
            return _date(date.fromisoformat(self.value), spec)
        if self.name.startswith("period"):
            return _cased(_period(self.value, spec), spec)
        if self.name == "threshold":
            whole = int(self.value)
            return f"{whole / 1000:g}k" if spec == "k" else f"{whole}" if spec == "plain" else f"{whole:,}"
        if self.name == "days":
            return self.value if self.value.startswith("week") else self.value + "s"
        return _cased(self.value, spec)


def show(template: str, slots: Mapping[str, str]) -> str:
    """The question as it is asked."""
    return template.format(**{name: _Shown(name, value) for name, value in slots.items()})


def _cased(text: str, spec: str) -> str:
    return text.lower() if spec == "lower" else text


def _period(value: str, spec: str) -> str:
    year, _, month = value.partition("-")
    name = _MONTHS[int(month) - 1] if month else ""
    return f"{name[:3] if spec == 'short' else name} {year}".strip()


def _date(day: date, spec: str) -> str:
    month = _MONTHS[day.month - 1]
    if spec == "us":
        return f"{month} {day.day}, {day.year}"
    if spec == "ordinal":
        return f"{day.day}{_ORDINALS.get(day.day, 'th')} of {month} {day.year}"
    return _cased(f"{day.day} {month} {day.year}", spec)
