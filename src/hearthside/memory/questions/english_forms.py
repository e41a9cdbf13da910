"""English: verbs in all their forms, and turns of phrase that are made plainer before words are looked up."""

from __future__ import annotations

VERBS = """
of bed | go to bed, go to sleep, fall asleep, drop off to sleep, drift off, doze off, nod off, turn in, hit the hay
of bed | hit the sack, hit the pillow, hit the pillows, call it a night, head to bed, head for bed, retire for the night
of bed | retire to bed, get into bed, get to bed, get in bed, climb into bed, crawl into bed, hop into bed
of bed | jump into bed
of bed | slip into bed, tuck in, tuck myself in, settle down for the night, settle in for the night, bed down
of bed | turn the lights off, turn off the lights, turn out the lights, turn off the light, switch off the light
of bed | switch the lights off, switch off the lights, put the light out, put out the light, start sleeping
of bed | make it to bed
of bed | get to sleep, put my head down, lay my head down, be in bed by, lie down to sleep, hit the mattress
of bed | start to sleep, begin to sleep, close my eyes, shut my eyes, go off to sleep, conk out, crash for the night
of wake | wake up, wake, awake, awaken, get up, rise, rise from bed, get out of bed, climb out of bed, crawl out of bed
of wake | roll out of bed, jump out of bed, drag myself out of bed, haul myself out of bed, hop out of bed, leave bed
of wake | leave my bed, open my eyes, start my day, start the day, begin my day, begin the day, surface, stop sleeping
of wake | finish sleeping, get myself up, get myself out of bed, be up by, be awake by, come round, greet the day
of sleep | sleep, snooze, slumber, doze, get some sleep, catch some sleep, be asleep, sleep for, lie asleep
of steps | step
walk walk | walk, stroll, wander, march, tread, stride, move
of coding | code, program, programme, hack, write code, write programs, write software, develop software, do coding
of music + hear hear | scrobble, stream
hear hear | listen, listen to, play, tune in to, tune into, put on, blast, enjoy
of music | hear, spin
of post | tweet, post, post on twitter, post to twitter, tweet out
of like | like, favourite, favorite, heart
of workout | work out, exercise, train
of weight | weigh, weigh in, tip the scales, step on the scale, step on the scales, step onto the scale
of weight | step onto the scales, stand on the scale, stand on the scales, get on the scale, get on the scales
of computer + agg most | spend at the computer the most
agg gain | gain, lose, shed, drop, slim down, pile on, trim
of weight + agg gain | gain weight, lose weight, put on weight, drop weight, shed weight
agg change | change, shift, vary, differ, alter, evolve, develop, go up or down, go up, go down, go up and down
agg most | peak, top out, max out, top, win, dominate, lead, stand out the most, come first, come out on top, come top
agg most | reach its peak, reach its maximum, reach its highest, hit its peak, hit its high, reach a peak, hit a peak
agg most | reach my peak, hit my peak, keep coming back to, return to the most, be at its highest, be highest
agg most | hit a high, set my record, set a record, set the record, set a personal record, be at my most active
agg least | bottom out, hit its low, reach its low, reach its lowest, hit rock bottom, be at its lowest, be lowest
agg first | start listening, start listening to, begin listening to, start playing, begin playing, discover, come across
agg first | get into, enter, make its debut, make their debut, first come up, first show up, first turn up, pop up first
agg mean | average, average out, average out at, average out to, tend to, tend
agg gap | go silent, go quiet, stay away from, take a break from, go without, abstain from, keep away from
ask how_many | count, count up, tally, tally up, number
ask what | list, name, enumerate
write write | write, share, send, send out, fire off, put out, type, compose, author
"""
"""As `english.TABLE`; the first word of a phrase is a verb and stands for all of its forms."""

IDLE_VERBS = """
be, have, do, get, take, make, give, show, tell, find, find out, look, look up, look at, look into, check, check on
record, log, track, measure, register, capture, collect, gather, accumulate, amass, clock, clock up, rack up, rack, note
note down, write down, jot down, document, chart, put, spend, devote, dedicate, sink, pour, invest, put in, manage
reach
reach for, achieve, attain, hit, keep, stay, end, end up, total, amount to, come to, come out at, work out to, run to
remember, recall, remind, remind me, tell me, show me, give me, let me know, say, happen, occur, fall on, fall, land on
land, feature, feature in, appear, show up, turn up, crop up, pop up, cover, fill, eat, eat up, consume, swallow
swallow up, occupy, take up, claim, account for, use, use up, help, see to, pull, pull up, dig up, dig out, fetch
work out
figure out, calculate, compute, determine, establish, identify, name, belong to, date, get through, go through
get in, get done, do in, fit in, squeeze in, pack in, be up to, carry, set, complete, finish, perform, undertake, log in
put behind me, leave behind me, put down, store, save, hold, list, include, contain, notch up, chalk up, ring up
run up, amount, amount up, tot up, turn out
seem, want, try, ask, wonder, enquire, inquire, concern, regard, relate to, need to know, understand
go to, go on, go into, go toward, go towards, get to, come in at, come out, get back, lie at, stand at, sit at
sit, stand, stick, glue, hook, plant, park, be glued to, immerse, absorb, occupy myself with, busy, work with, engage in
engage, wear, average out, behave, experience, enjoy, have behind me, attend, like to know, love to know
like to see, like to find out, like to hear, care to know, be interested in, wish to know, hope to learn, count with
come up, come on, be on
"""
"""Verbs that change nothing in a question, in all their forms."""

_NOUNS = (
    "nights?|days?|dates?|mornings?|ones?|songs?|tracks?|albums?|artists?|bands?|weekdays?|months?|years?|times?"
    "|shows?|podcasts?|categor(?:y|ies)|hours?|steps|occasions?"
)
_WAKING = r"(?:wak(?:e|ing|en)|woke|woken|awaking|awakening|getting|got|get|rising|rose)(?: up)?(?: out of bed)?"
REWRITES = (
    (r"\b(\w+)/(day|night|week)\b", r"\1 per \2"),
    (r"\bavg\b\.?", "average"),
    (r"\bi\.e\.?(?=\W)", " "),
    (r"\bby (?:length|duration)\b", " "),
    (r"\bmy head (?:hits?|touch(?:es|ed)?) (?:the|my) pillows?\b", "i go to bed"),
    (r"^(.*)\b(usually|typically|normally|generally|ordinarily|commonly|habitually|customarily)\b(.*)$", r"\1 \3 \2"),
    (r"\bif (?:you|i|we) (?=add|sum|average|take|count|look|total|combine|go)", " "),
    (r"\b(?:my )?(?:days?|mornings?)\s+(?:usually )?(?:start|starts|started|begin|begins|began)\b", "wake up"),
    (r"\bi (?:would|should|had|have|am)? ?(?:really )?"
     r"(?:like|love|want|wanted|need|needed|wish|keen|curious|eager|trying) (?:to|you to) "
     r"(?:know|see|hear|learn|find out|have|get|check|tell|show|give|be told|ask|look up|work out)\b(?: me)?",
     "tell me"),
    (r"(?:^|[,.;:–-]\s*)(?:so |and |please |hi |hey |hello |ok |okay )*(?:would|will|can|could) you\b"
     r"(?: please| kindly| just)?", " "),
    (r"\ba (?=(?:day|night) (?:of the week|with|shorter|longer|less|more|fewer|where|when|that|on which"
     r"|(?:below|under|over|above|of) \d))", "one "),
    (r"\b(?:my|the) (?:ring|tracker|watch|device|app|phone|oura|oura ring)(?: actually| really| ever)? "
     r"(?:track|log|record|measure)", "have"),
    (rf"\b({_NOUNS}) (?:where|when|that|on which|in which|at which|during which|for which|which|whose)\b(?! of\b)",
     r"\1"),
    (r"\b(?:counted|counting|measured|expressed|reckoned|judged|judging|ranked|going|told|based|taken|looking)"
     r" (?:up )?(?:in|by|as|on|at)(?: the)?\b", "in"),
    (r"\b(?:in terms of|as measured by|when it comes to|with regard to|with respect to|as far as|in the way of"
     r"|with reference to|regarding|concerning)\b", "in"),
    (r"\b(?:counting|including|with|and)(?: in)?(?: all| every| any| the| each)*(?: single)?"
     r" (?:plays?|repeats?|replays?|repeat plays?|repetitions?)(?: included| counted| too)?(?=\s*(?:$|[,.;)]))", " "),
    (r"\b(?:repeats?|replays?|repeat plays|repetitions) (?:included|counted|and all|too)\b", " "),
    (r"\bhow light\b", "how heavy"),
    (r"\bhow (?:\w+ly )?(?:well[ -]rested|rested|sleepy)\b", "how much sleep"),
    (r"\bin days(?=\s*(?:$|[,.;:)]|and\b))", " "),
    (r"\b(?:not|failed to|fail to|failing to) (sleep|get|manage|have|reach|make|hit|achieve|clock)(?: to sleep| for)? "
     r"(?:even )?(?:at least |as much as |as many as |a full )?(?=\d)", r"\1 less than "),
)  # fmt: skip
"""Patterns on the folded text and what stands in place of them, in order."""

AFTER_TIMES = (
    (rf"\b(?:the )?(?:night )?"
     rf"(?:before|after|when|until|till|by the time|prior to|up to|that ended when|from which|upon|ended by)"
     rf" (?:i )?(?:had |finally |was )?{_WAKING}(?: on)?\s+(?=@\d)", " "),
    (rf"\b(?:before|after|when|until|by the time|prior to|upon) (?:i )?(?:had |finally )?{_WAKING}(?=\s*(?:$|[,?.]))",
     " "),
    (rf"@(\d+)\s*,?\s+i {_WAKING} (?:after|from|with|having)\b", r"@\1 "),
    (rf"\b({_WAKING}) (?:after|from|following|out of|with) (?=my\b|the\b|a\b|so\b|how\b)", r"\1 "),
    (r"\bdifference between\b", "difference"),
    (r"\bthat (?:day|night|date|morning|month|year)\b", " "),
)  # fmt: skip
"""The same once times are marks such as ``@0``."""
