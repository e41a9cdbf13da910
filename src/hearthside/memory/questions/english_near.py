"""English words that lie one letter from a word of the tables and are no misspelling of it ("steam", "stream").

Of the 45,000 commonest words of at least four letters (wordfreq 3.1; Speer 2022, Zenodo 7199437) those that
`tokens.misspelt` would change. Written by ``python -m scripts.english_near``; change it there.
"""

WORDS = frozenset(
    """
abode absences actives ahmad alder alger altar altars artis artistes assent aware banda bandy bangs banks bards bases
basic basics basil basin basins batter beaded beads beams beans bears beater beets beginnings begum belts bending
bends benin bests bette betts bevan bevin bidding biggar binds bitter black blackouts blanc bland blanks blaster blatt
bleak blink boast boasted boasting boasts bogan bolts bonds boots bounced bouncer bounces bouncy brands brats bread
breads bream budding bugger buster butter cabling caches caching caller callin callus calmed calming calms campion
casas cased cases cashed cashing casks caste castes catcher catchers catchy ceded ceding celled cells chaim chains
chair champions chance chances chang changers changi channing chant chanted chanting chants chapin chara chard charge
charged charges charging charm charms chase chased chats chick chiefs chien chink chose chuck chung chunks chunky
clack clash clashed clashes clashing clicker clicks clink clone cloned clones cloning closest closets closings clove
cloves coasts cocked cocking cocks coders combine combines combing combs comer comers comet comets comey comin comings
comming commons comms commuter commuting competing composers compost composting comps computers conned conning
constants cooked cooking cooks coped corks costs coulter counters court courted courting courts coutts crass crease
crick crush crushed crushes crushing culled culling currents cysts dairy daisy dales dames danes dares dawes dazed
debated debit debug debuts deceased delia della developers developments differences discoverer displays domed domes
doped doping dosed doses dosing doves dozens draft drafted drafting drafts drago draught draws dregs drifter dripped
dripping drips drooping dropper droppings droughts drugging drugs durations earle earls eater eaters editors emerged
emerges ender enders entre envoy envoys ester esters everyones exceeds expended extender fairing fared fares faring
father fever fibres fides filed files filing finale finals fined fines fining firings firms fisted fisting fists fives
fixed fixes fixing fleeing footballs fried fries fronts frost gainer gaius gales gamer gamers gases gates gazes genera
generale generals gland gomes grained grains grande grands grant great greats greed greek greeks green greening greens
greer greetings grind grins groups grout hacker haider hailed hailing hails halls hander hanks harden harker harper
harvest hawking hawks header headings headphone healed heaped hearings hearse heave heeded heirs herat herded herder
herding herds herring hicks hither hoard hoarder hocking hopper horus incense interruptions introduce introduces
jumper jumpin jumpy keyboards kills kilns kinda kings kinks knack knick knocks laces laker lakes lange laptops largo
larue laser lasts latent latex lather latter lauer laver layer lazer leader leafs leaked leaks leaned leans leaped
leaps leapt leased leases leash leavers leavin leeds lending lends lengths lengthy licked licks lifes lifted lifting
lifts lighted lighten lighters likens likud limes lined lines linger lining linked linking lions listener listings
liston liter lives living loaded loading loads loaves lobed lobes locking locks lodger longed loosing lopes loring
losers losses lovey lowers lowery machina machined machines madden mages maidan maidens malden males manus marchers
marco marcy mares marsh marshes massing matcha matching mated mates mating maximus maxine mayes mazes meddle medea
medic medica menus merch messing minas minds mines minimums minis mints misusing mitch mixed mixes mixing moaning
mobil mobiles modes moles moments monitors monte monty moped mores mornin moses moths mourning mouth mouths movers
movies movin mowed mowing moyes muddle musicals musik naked neuer neves newer nicht norma normalcy normals norman
nothin nothings notting oddest omens opener openings opined oppose opposes opting originals otter otters ousting
outages outbid outrage outro ovens overalls owens paced pacer pacers packet pacts pages panes parse passes pasted
pasting pasts patchy payed paying pears pecking peeked peeking peeks peking periods perks persona personals personas
pests picket pierce pikes pills pines pining piped pipes piping pisces pitch places placing planing plans plated
plating playa player playin plied plies plying pockets poets poles pooped pooping poplar popper poppin poppins ported
porting ports posed poses posing posited posits poster postings potted potting potts pouting prayed praying prays
primacy primark programmers propped propping publisher publishes quilt quint radii radios raises raising ratio regent
reheat rented repeal repeats resent resigned retirees rider riders ridges riding rights riled rinsing ripen risers
risking risks riven roles rollin rollins rollo rosen roses rotations routines routing rowling ruining ruler rules
runnin rusted sales sanding sands sanger sawing scala scalp scalps scape scared scaring scrabble scream screamed
screaming screams scribble scribbled scribbling scroll scrolled scrolling scrolls seared searing seattle seeding
seeping sensing serie serves settlers sewing shade shaded shades shading shaft shafts shake shakes shaking shame
shamed shames shaming shane shape shaped shapes shaping shards shari shark sharks sharp sharpe sharps shave shaved
shaves shaving shearing sheep shell shifter shing shins shipped shipping ships shire shirt shirts shoes shooter
shopped shopping shore shores short shorted shorten shouts showy shred shredding shreds sifted sifting signer signers
silenced silencer silences singed sings sinker sinner sinners sinning sipped sipping skimmed skimming skinning skins
skipped skipping skips slammed slamming slams slapped slapping slaps sledding sleds sleek sleepers sliced slices slick
slide slimmer slimy sling slipper slows sluice slums sluts smart smarts smell snare snares sneakers snell snitch
snooping snort snows soared soaring socal sores soros sorta soundtracks sowing spanning spans spare spared spares
sparing speaker spells spelt spice spies spill spina spine spines spiny spits splice spore spores spots spout spurt
stale standards stark starks starling starr starred starring starter startin startled startling starved starving starz
stated stating steak steaks steam steamed steaming steep steeped steeper stems steph steppe steppes stews sting
stinger stitch stitched stitches stitching stoll stomped stomping stooped stoops stopper straights strangest strat
streaked streaking streamer stretched stretcher stretchy strife strike strikes striking stripe striped stripes strive
strives striving strode stroller stuart stubble sturt suing summer swatch swatches sweep sweeper sweeping sweeps swell
swept swift swifts swimming swims swine swinger swingers swings swung talker talkies tanked taped tapes taping tapper
tasked tender tensed tents thread threaded threading threads thumb ticked ticking ticks tides tiles timed timelines
timer timers tires todays tomes tonal toned tones toning topical toppers toppings toppled toppling trace traces traci
tract tracts tracy traded trading trail trailed trailing trails trainee trainer trait traits trams trans trask treat
treated treating treats trend triad triads trick tricks trimmer trimmings tripped tripping trips truck trucking tryin
tubes tubing tucker tunis turds tusks twain tweed tween tweeter twister tying typos tyres usages variations verses
vries wading wages waging waite waiting walker walkin walled walling walls wanderer waning wanker wankers wares waring
waves waving waxes waxing weighted weighting wheres white whites whiting whitten wiener wight winding winger winging
winking winners winnings winter witten women worded wording worker workin workings worms worse woven wright writers
writhing writings yearn yearns yeats
""".split()
)
