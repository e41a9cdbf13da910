"""English: which words are signs of what; another language is another module of the same shape.

A line of the table is ``slot value | phrases, separated by commas``. Longer phrases go before shorter ones.
"""

from __future__ import annotations

TABLE = """
agg change | gone down, gone up, go up or down, going up, going down, moved, swing, net change, variation, move from
agg change | moved from, altered, alter, change, changed, changes, difference, differ, shift, increase, increased
agg change | decrease, decreased, go up, went up, go down, went down, develop, developed, delta, evolve, evolved
agg change + ask how_much | how different
of bed | close my eyes, closed my eyes, shut my eyes, call it a day, called it a day, go off to sleep, hit the pillows
of bed | knock off, lay down, lie down, sack out, conk out, conked out, bedtime, bedtimes, bed time, go to bed
of bed | went to bed, going to bed, gone to bed, get to bed, got to bed, getting to bed, fall asleep, fell asleep
of bed | falling asleep, fall into bed, fell into bed, go to sleep, went to sleep, going to sleep, turn in, turned in
of bed | hit the hay, hit the sack, hit the pillow, lights out, head to bed, headed to bed, heading to bed, retire
of bed | drift off, drifted off, crawl into bed, climb into bed, call it a night, called it a night, nod off
of bed | nodded off, head for bed, headed for bed, in bed by, get into bed by, start sleeping, started sleeping
of bed | start to sleep, sleep onset, tuck in, get into bed, got into bed, be in bed by
noun morning | morning, mornings
noun evening | evening, evenings
noun day | days long, day long, day, days, calendar days, calendar day
ask where | where did, where does, where has
agg most | my most popular, most common, most productive, most heard, most listened to, most frequently played
agg most | most prolific, most heavily, most intense, most intensive, most successful, most wanted, most loved
agg most | most-loved, most of all, ahead of all others, more than anyone else, more than anything else, above all
agg most | above all others, go-to, fave, favorites, topper, winner, won, wins, champion, ruled, rule, reigned
agg most | biggest chunk, largest chunk, biggest part, largest part, biggest slice, largest slice, largest share
agg most | best part
agg most | more than anybody else, more than anybody else's, more than everyone else, more than everybody else
agg most | more than the rest
agg most | more than any others, more than all others, more than anyone else's, more often than anyone else
of like | leave a like, left a like, give a like, gave a like, drop a like, dropped a like, hit like, clicked like
of like | click like
agg most | prevailed, dominant, dominate, foremost, number-one, biggest share, lion's share, bulk, the bulk of
agg most | majority, hit a high, high point, highpoint, record-setting, tallest, fullest, strongest, came out on top
agg most | come out on top, on top, came first, came top, topped, led, furthest, farthest, personal best
agg most | personal record, my record, all-time high, all time high, main, primary, chief, leading, mainly, mostly
agg most | record-breaking, most, the most, max, maximum, biggest, greatest, highest, largest, top, favourite
agg most | favorite, number one, most often, most frequently, peak, record high, best, busiest, at most, most-played
agg most | most played, most listened, more than any other, no. 1, more often than any other, dominated, most active
agg most | hardest, most frequent
agg gap | went silent, go silent, went quiet, go quiet, fell silent, fall silent, stop, stopped, cease, ceased
agg gap | went dark, lapse, lapses, void, hole, blank, blackout, outage, dry patch, quiet spell, quiet patch
agg gap | quiet stretch, radio silence, gone quiet, time off, time away, downtime, between days with
agg gap | between two days with, between days of, between two, between any two, gap between, gap, gaps, break, breaks
agg gap | pause, pauses, hiatus, interruption, dry spell, drought, abstinence, absence, abstain, stay away from
agg gap | missing stretch, silence
agg more | more active, more often, more frequently, more time, further, farther, beat, beats, outdo, outdid
agg more | greater number, higher number, surpass, win, exceed, better, more, longer, higher, greater, bigger, larger
agg more | harder, busier
agg less | less active, less often, less frequently, less time, less, fewer, shorter, lower, smaller
of steps | counter, pedometer, step counter, footfalls, stepped, stepping, step total, step number, step numbers
of steps | steps walked, step, steps, step count, step counts, footsteps, paces, steps count, strides, number of steps
of steps | step totals
of sleep | rested, sleeper, lie in, lying asleep, dreamland, nap time, sleep time, sleep total, night sleep
of sleep | nightly sleep, lie-in, lie-ins, night's rest, sleeping time, hours asleep, sleep in, sleep, sleeps, slept
of sleep | asleep, sleeping, shut-eye, shuteye, slumber, time asleep, amount of sleep, kip, sleep duration
of sleep | night's sleep, nights sleep, get some sleep, get to sleep for, rest, sleep length, sleep like, snooze
of sleep | snoozed, sleep amount, doze, dozed
of wake | start the day, started the day, starting the day, start of my day, eyes open, up and about, was i up
of wake | i was up, am i up, be up, surface, surfaced, crawl out of bed, rolled out of bed, roll out of bed
of wake | on my feet in the morning, emerge, day start, day started, day begin, day began, begin my day, began my day
of wake | morning start, morning started, wake up, woke up, waking up, wakes up, woken up, wake, woke, waking, awake
of wake | awoke, awaken, get up, got up, getting up, wake time, wake-up time, wakeup time, wake up time, wakeup
of wake | wake-up, waking time, rise, rose, get out of bed, got out of bed, getting out of bed, out of bed
of wake | rising time, open my eyes, start my day, started my day, leave bed, left my bed, stop sleeping, sleep until
of computer | rescuetime, machine, monitor, mac, macbook, display, at the machine, behind the computer
of computer | behind a screen, computing, computer, screen time, screentime, screen, desk, laptop, pc, keyboard
of computer | computer time, computer use, computer usage, at my desk, in front of a screen, in front of the computer
of computer | in front of my computer, in front of the screen, on a computer, in front of a computer, time on screens
of computer | screens, using the computer, use the computer, using my computer, use my computer
of coding | wakatime, dev, dev work, developer, development, software, code editor, editor, coding work
of coding | coding sessions, code, coded, coding, codes, program, programmed, programming, programing, write code
of coding | wrote code, writing code, written code, software engineering, hacking, developing software, coding time
of coding | programming time, write programs
of music | last.fm, lastfm, spotify, rotation, stereo, radio, ears, library, soundtrack, listening history
of music | musically, chart, charts, playlist, playlists, speakers, headphones, earphones, on my speakers, in my ears
of music + noun play | plays, scrobbles, scrobble, listens, streams, spins, song plays, track plays, total plays
of music | music, scrobbled, hear, heard, hearing, listening, musical, put on
of music | spin, spun, stream, streamed, streaming
of music + agg most | on repeat, on heavy rotation, on loop, could not stop playing, could not stop listening to
of music + agg most | could not get enough of, on heavy repeat, on constant rotation, on endless repeat
ask what + noun album | which record, what record
agg least | my record low, record low, my all-time low, my all time low
agg most | my record high, my all-time high, my all time high, my personal best, record for, my record for
agg most | my record of, my record in
up up | up
me me | i, my, mine, me, myself, self
do do | what did i do, what was i doing, what have i done, what i did, what did i get up to
does does | does
other other | do you weigh, do you sleep
other other | likes did i get, likes did i receive, likes have i got, likes i got, likes i received, likes i get
other other | hear about, heard about, hear of, heard of, talk about, talked about, likes do i have
other other | likes have i received
other other | likes did i collect, likes did i earn, likes i earned, liked by, listened to by, played by, do i need
ask far | how far, how active, how prolific, how busy, how productive, how industrious, how mobile
agg gap | away from, been away from, time away from
agg gain | put on or lose, lose or put on, gain or lose, lose or gain, lost or gained, gained or lost, put on or lost
agg change + heavy heavy | heavier or lighter, lighter or heavier, how much heavier or lighter
agg change + heavy heavy | how much lighter or heavier
of weight + agg gain | gain weight, gained weight, lose weight, lost weight, put on weight, gain or lose weight
of weight + agg gain | lose or gain weight
of weight + agg change | weight change, weight difference, weight go up or down
of weight | step on it, stepped on it, step onto it, stepped onto it
ask what | which period, in which period, what period, which of them, which one, which of these, which of those
of podcast | pocket casts, pocketcasts, pods, pod, podcast, podcasts, podcasting
hear hear | tune in, tuned in, tune into, tuned into, tune in to, tuned in to, listen to, listened to, listening to
hear hear | listen, listened, play, played, playing
noun twitter | timeline, feed, social media, on twitter, twitter
noun session | outing, outings, game, games, match, matches, ride, rides, session, sessions, bout, bouts
noun session | round, rounds
write write | share, shared, send, sent, send out, sent out, fire off, fired off, put out, typed, compose, composed
write write | author, authored, write, wrote, written, writing
ask clock | at what point, what o'clock, at what time of day, at what time of the day, time of night
ask clock | what time of the morning, what time in the morning, what time of the night, what time at night
ask clock | what time of the evening, what time, at what time, which hour, what hour, at what hour, how late
ask clock | how early, around what time, about what time, clock time, o'clock, hour of the day, time of day
ask clock | time of the day, what clock time
ask how_much | how little, what total, what sum, how big, how large, how much, what amount of, amount, what amount
ask what | what sort, what type, what else, which ones, what, which, name, list, what kind of, what sort of
ask what | what type of, kind of, sort of, type of
agg mean | norm, on the whole, by and large, in the main, habitually, customarily, commonly, regularly, routine
agg mean | average out, averaged out, averages out, average out to, per-night average, standard, averaging, average
agg mean | averages, averaged, on average, mean, typical, typically, usual, usually, normally, normal, generally
agg mean | in general, as a rule, on the average, in the mean, tend to, tended to, ordinarily
agg least | poorest, rock bottom, all-time low, all time low, low point, weakest, slowest, laziest, tiniest
of sleep + agg least | most sleep-deprived, most sleepless
agg least | fewest of all, least, the least, fewest, lowest, min, minimum, smallest, record low
agg least | quietest, least often, least active, worst
agg longest | lengthiest, most extended, most prolonged, longest, the longest
agg shortest | slightest, most fleeting, shortest, the shortest, briefest
agg first | came across, come across, stumble upon, stumbled upon, stumble across, stumbled across, introduced to
agg first | get into, got into, debut, debuted, first-ever, maiden, inaugural, start with, started with, start out
agg first | started out, start out at, start playing, started playing, begin playing, began playing, earliest ever
agg first | enter, entered, appear first, first appear, first appeared, show up first, first show up, first come up
agg first | oldest, very first time, first, the first time, first time, for the first time, very first, the first
agg first | initially, first ever
agg first | discover, discovered, start listening to, started listening to, begin listening to, began listening to
agg first | to begin with, original, starting, beginning
agg last | last-ever, latest of all, at present, at the moment, these days, presently, today's, as of now, last
agg last | very last time, the last time, last time, for the last time, most recent, most recently, recently, newest
agg last | very last, final
agg last | latest time, current, currently, now, the last, right now
agg streak | unbroken run, consecutive run, day run, run above, run over, run with, run where, run at, days running
agg streak | on the bounce, one after the other, without a break, without interruption, without a miss, winning streak
agg streak | hot streak, stretch, stretches, spell, streak, in a row, consecutive, consecutively, on end, at a stretch
agg streak | back to back, back-to-back, straight, run of, successive, unbroken, uninterrupted, one after another
agg streak | stretch of, chain of, row of, running streak, streaks, on the trot
agg gain | came off, come off, fell off, went off, pile on, piled on, trim, trimmed, gain, gained, lose, lost, losing
agg gain | gaining, put on weight, drop, dropped, shed, slim down, slimmed down
neg neg | unrecorded, untracked, unlogged, undocumented, free of, devoid of, minus, without, no, not, none, never
neg neg | go without, went without, gone without, missing, lack, lacking, lacks, empty, absent, nothing, zero
noun month | month, months
noun year | year, years
of weight | tip the scales, tipped the scales, the scales, weigh, weight, weighed, weights, weighing, body weight
of weight | bodyweight, on the scale, on the scales, scales, body mass, weigh-in, weigh-ins, weighed in, the scale
of weight | scale
ask when | how long ago, how many days ago, since what date, when, which day, what day, on which day, on what day
ask when | which date, what date, on which date, on what date, date, the date of, dates
noun song + agg most | song of the year, track of the year
noun artist + agg most | artist of the year, band of the year
noun album + agg most | album of the year
noun category | sort of thing, kind of thing, type of thing, sorts of things, kinds of things, sort of things
noun category | category, categories, kind of activity, type of activity, sort of activity, activity, activities
noun category | kinds of activity, kind of sport, sport, sports
of inbed | in bed, time in bed, lie in bed, lay in bed
walk walk | walk, walked, walking, on foot, stroll, strolled, move, moved
heavy heavy | heavy
ask how_much + heavy heavy | how heavy
heavy heavy + agg most | heaviest
heavy heavy + agg least | lightest
heavy heavy + agg more | heavier
heavy heavy + agg less | lighter
of readiness | readiness, readiness score
ask how_often + of music | play count, play counts, number of plays
of steps + agg most | step record, steps record
noun song | tune, tunes, song, songs, track, tracks, piece of music, pieces of music
noun artist | artist, artists, band, bands, singer, singers, musician, musicians, act, acts, performer, performers
noun artist | group, musical act
noun album | album, albums, record album, lp, lps
noun episode | episode, episodes
noun show | show, shows, series
of post | tweet, tweets, tweeted, tweeting, post, posts, posted, posting, publish, published, share on twitter
of post + own own | my tweets, my posts, my own tweets
of like | like, liked, likes, liking, favourited, favorited, heart, hearted, hearts, favourites, favorites, thumbs up
of workout | workout, workouts, work out, worked out, working out, training session, training sessions, exercise
of workout | exercised, exercises, exercising, exercise session, exercise sessions, training, trainings, train
of workout | trained, sports session, sports sessions
noun night | night, nights
unit hours | hours, hour, hrs, hr, h
unit minutes | minutes, minute, mins
unit time | period, period of time, time, amount of time, length of time
unit kg | kilos, kilo, kg, kilograms, kilogram, kgs, kilogrammes
ask how_many | how many, number of, the number of, what number of, count, counts, how big a number of, tally, number
ask how_many | how large a number of
ask how_often | how often, how many times, how frequently, how many different times, number of times, times
ask how_long | how long, length, duration, how long a
ask how | how
ask who | who, whom, whose
ask weekday | on which day of the week, on what day of the week, on which weekday, on what weekday, day of week
ask weekday | weekday, which weekday, what weekday, day of the week, which day of the week, what day of the week
ask weekday | week day, weekdays most
ask month | which month, what month, which calendar month, month of the year
ask year | which year, what year, which calendar year
agg median | median, middle
agg total | total, totals, in total, altogether, overall, all told, in all, all in all, combined, summed up, sum
agg total | sum of, add up, all up, together, cumulative, in sum, grand total, sum total
ask what + agg most | where did most of
agg latest | latest
agg earliest | earliest
agg first + ask when | since when
agg later | later
agg earlier | earlier
noun language | language, languages, programming language, programming languages, coding language
per day | on a day-to-day basis, on a day to day basis, on a daily basis, from day to day, day in day out, per day
per day | a day, each day, every day, daily, per night, a night, each night, every night, nightly, day by day
per day | by day, per calendar day
per week | per week, a week, each week, every week, weekly, by week
per month | per month, a month, each month, every month, monthly, by month, month by month
per year | per year, a year, each year, every year, yearly, annually, by year
per weekday | by weekday, per weekday, by day of the week, for each weekday, each weekday
agg distinct | different, distinct, unique
or or | comparing, compare, compared, or, versus, vs, vs., compared to, compared with, than, as opposed to
"""

FILLERS = """
stay stayed staying their its every listed contain contains contained hold holds included include includes cross
crossed clock one ones single alone exact precise particular specific given certain respective calendar across
entirety lot simple plain mere sheer rough individual experience experienced hey hi hello ok okay well thanks thank
quick question curious wondering wonder help want wanted back again even still yet already actual maybe perhaps
quite rather pretty approx ca circa thing things stuff info information detail details answer number-wise bring
brought become became seem seems seemed stand stood land landed earn earned score scored swallow swallowed consume
consumed account accounted claim claimed occupy occupied eaten ate absorb absorbed glued stare staring stared
busy doing being captured capture caught documented available stored existing present titles title kind sort wise
content own net crawl crawled roll rolled climb climbed drag dragged finally normal-ish else's under-way night-time
reveal reveals according attend attended log-in please kindly someone's added adding total-wise whatever oura fitbit
google fit tracker wearable put putting place placed point side sided turned towards toward away-from amid among
amongst via using amounting shown show sites site websites website apps through passed pass elapsed manage achieve
achieved complete completed collect collected gather gathered produce produced receive received bit a an the of in on
at to for from by with my mine i me we our us did do does done have has had having was were is are be been am this
that these those it there and so ever any all each just exactly about roughly approximately around tell give find get
gets got getting gotten take takes took taken make makes made record records recorded recording log logs logged
logging track tracked measured measure data entry entries history stats statistics figure figures reading spend spends
spent spending go goes went going gone come came whole entire then into onto over up as some much use used happen
happened say said reach reached life keep kept look looked note noted occur occurred end ended set managed clocked
accumulate accumulated register registered personally can could value amounted held hit rack racked very
out sit sat sitting ring device app saw waste wasted devote devoted invest invested dedicate dedicated
attached something anything lasted lasting such meaning mean-ing else touch touched touching
would could might must throughout during measurement measurements reading readings weighing weighings
number-one recording recordings names per-day stretch-wise apiece accordingly basically actually literally honestly
names logbook logs diary report reports list-wise figure-wise total-number tracking tracker's ring's watch wristband
overview summary breakdown-free following followed favourited follow follows screen-wise amounts entirety duration-wise
""".split()
"""Words that change nothing in a question, wherever they stand."""

IDLE = """
if you take, if i take, taking, show up, shows up, showed up, appear, appears, appeared, crop up, crops up, turn up
turned up, at any point, at some point, at any time, at some stage, by far, hands down, by a mile, of the lot
of them all, in all my records, in my history, in the history of my data, as a whole, on the books, that is on record
there is on record, all my records, that day, on that day, that date, on that date, that night, that same day
that month, that year, in that month, in that year, all month, all year, all month long, all year long
over the course of, in the course of, month of, year of, for the month, for the year, over the month, over the year
during the month, during the year, whole month, whole year, the month, the year, end up, ended up, turn out
turned out, turns out, come to, came to, work out at, worked out at, work out to, amount to, amounted to
quick question, i am wondering, i was wondering, i need to know, i should like to know, i'd like to know, help me
i mean, that is to say, in other words, all things considered, roughly speaking, at the end of the day, if any
if at all, more or less
give or take, my ring, my device, my tracker, by my records, in my logs, in my log, my data, of mine, for me, to me
did i manage to, in terms of, can you work out, could you work out, work out how, work out what, work out my
please compute, compute, calculate, can you calculate, could you calculate, any idea, could you look up
can you look up, look up, clock up, clocked up, clock in, clocked in, i wonder, do you happen to know, do you remember
remind me, i would like to know, i want to know, i wanted to know, can you tell me, could you tell me, do you know
tell me, let me know, can you say, could you say, would you tell me, please tell me, according to my records
according to my data, in my life, wake up from, woke up from, wake from, woke from, waking up from, woken up from
night before i woke up, before i woke up, when i woke up, when i got up, i woke up from, that i woke up from
as far as you know, do i have, do you have, did you record, which of the two, of the two, the two, are there
were there, of all time, so far, of my life, in the data, in my data, in my records, on record, on file
on average over, by the way, ended when i woke up, up to now, until now, to date, since records began, i am curious
just wondering, out of curiosity, each and every, at all, that ended when i woke up, the night before waking up
night before waking up, at the end of, let us see, out there, during which, in that period, over the years
over all the years, through the years, all these years
all time, all-time, you have, you know of, you can see, you have got, you have on me, you have for me, you hold
you have of mine, you have on file, other way around, other way round, the reverse, vice versa, i wonder if
i wonder whether
was there, is there, must there have been, there must have been, must have been, so on, and so on, and so forth
can you see, could you see, would you say, do you think, you could say, you might say, would you happen to know
as a total, as an average, as a number, on one single day, on a single day, in a single day, on one day, in one day
from me, by me, played by me, listened to by me, heard by me, about me, on me, would i say, of late, for that matter
in the first place, to be exact, to be precise
if you can, if you could, if possible, if you know, if you have it, if you would, if you please, if you do not mind
do not mind, thanks a lot, thank you, many thanks, could you, can you, would you, go by, if i am not mistaken
"""
"""Phrases, one a comma, that change nothing."""

NOT_IDLE = frozenset(
    """
only badly poorly barely hardly rarely early nearly lately differently family july italy reply supply apply friendly
elderly lonely costly deadly silly fully partly mostly deeply lightly heavily quickly slowly suddenly simultaneously
previously formerly subsequently alternately jointly separately manually remotely privately publicly physically
mentally
""".split()
)
"""Words in "-ly" that may change a question; all others only colour it."""

CONTRACTIONS = {
    "what's": "what is", "who's": "who is", "when's": "when is", "how's": "how is", "where's": "where is",
    "i've": "i have", "i'd": "i had", "didn't": "did not", "don't": "do not", "haven't": "have not",
    "hasn't": "has not", "wasn't": "was not", "weren't": "were not", "isn't": "is not", "couldn't": "could not",
    "i'm": "i am", "it's": "it is", "that's": "that is", "doesn't": "does not", "hadn't": "had not",
}  # fmt: skip
