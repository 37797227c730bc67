"""Trades of several eras: what people in them are called, make, use, study and measure.

One line a field, parts apart by `;`. Objects are singular nouns that take "a" or "the"; every verb of a trade
fits every object of it. `HELD_TRADES` never occur in training.
"""

from __future__ import annotations

from dataclasses import dataclass

_TRAIN = """
trade: clockmaking 1780 1990
roles: Apprentice Clockmaker; Master Clockmaker; Instrument Maker; Workshop Manager
orgs: {} Clock Company; {} & Sons; {} Horological Institute; {} Observatory
verbs: repair; design; regulate; build; restore
objects: marine chronometer; tower clock; pocket watch; escapement; pendulum; sundial; music box; carriage clock; quartz movement; gear train; striking mechanism; orrery
tools: a hand lathe; ruby bearings; tempered steel springs; a timing machine; brass gears
fields: Horology; Precision Mechanics; Metallurgy
measures: daily error; repair time; rejection rate
people: customers; apprentices; collectors
trade: software 1985 2025
roles: Software Engineer; Backend Developer; Site Reliability Engineer; Technical Lead; Data Engineer; Intern
orgs: {} Systems; {} Labs; {} Software; {} Cloud; {} Technologies
verbs: build; develop; rewrite; deploy; maintain; design
objects: payment gateway; search engine; message queue; login service; compiler; scheduler; dashboard; mobile app; recommendation service; log pipeline; test framework; code editor; chat server; billing system; web crawler; database driver
tools: Python; Rust; Kotlin; PostgreSQL; Kubernetes; Go; TypeScript; Redis; Kafka; Terraform; Haskell; C++; Java; Docker; Elixir; GraphQL
fields: Computer Science; Software Engineering; Distributed Systems; Information Technology
measures: response time; error rate; build time; hosting cost; page load time; memory use
people: users; developers; merchants; teams
trade: machine learning 2005 2025
roles: Machine Learning Engineer; Research Scientist; Data Scientist; Research Intern
orgs: {} AI; {} Research; {} Institute of Technology; {} Robotics; {} Analytics
verbs: train; evaluate; fine-tune; publish; compress; design
objects: language model; speech recogniser; image classifier; translation model; tokenizer; ranking model; reward model; face detector; diffusion model; question answering system; optimiser; embedding model; transformer; data pipeline; chatbot; vision encoder
tools: PyTorch; JAX; TensorFlow; NumPy; scikit-learn; CUDA kernels; mixed precision; gradient checkpointing; LoRA adapters; Triton; Ray
fields: Machine Learning; Computational Linguistics; Statistics; Artificial Intelligence
measures: validation loss; word error rate; inference latency; training cost; perplexity; memory use
people: researchers; annotators; users; students
trade: bridge engineering 1800 2020
roles: Assistant Engineer; Resident Engineer; Chief Engineer; Structural Engineer; Surveyor
orgs: {} Bridge Works; {} & Partners; {} Railway; {} Department of Public Works
verbs: design; survey; build; inspect; reinforce
objects: suspension bridge; viaduct; railway tunnel; dam; lighthouse; canal lock; pier; aqueduct; breakwater; retaining wall; footbridge; drainage channel; swing bridge; sea wall
tools: wrought iron chains; pneumatic caissons; reinforced concrete; a theodolite; scale models; steel cables
fields: Civil Engineering; Structural Mechanics; Hydraulics; Geodesy
measures: construction cost; flood damage; travel time; material use
people: workers; commuters; villagers
trade: medicine 1840 2025
roles: House Physician; Ward Sister; Head Nurse; Surgeon; Epidemiologist; Medical Officer
orgs: {} General Hospital; {} Infirmary; {} Clinic; {} School of Medicine; {} Children's Hospital
verbs: run; set up; reorganise; study; supervise
objects: vaccination campaign; maternity ward; blood bank; fever ward; field hospital; screening programme; operating theatre; triage protocol; nursing school; malaria study; ambulance service; clinical trial; hygiene campaign; dialysis unit
tools: portable X-ray sets; paper registers; statistical charts; rapid tests; carbolic acid; home visits
fields: Medicine; Nursing; Public Health; Epidemiology; Surgery
measures: infection rate; mortality; waiting time; length of stay; readmission rate
people: patients; nurses; families; midwives
trade: botany 1780 2020
roles: Plant Collector; Curator; Botanist; Head Gardener; Herbarium Assistant
orgs: {} Botanical Garden; {} Herbarium; {} Natural History Museum; University of {}
verbs: describe; catalogue; illustrate; cultivate; collect
objects: orchid; alpine fern; moss; seed collection; rose hybrid; water lily; lichen; grass species; palm; cactus; medicinal herb; seaweed; oak seedling; carnivorous plant
tools: watercolours; a plant press; a hand lens; DNA barcoding; glasshouses; a field microscope
fields: Botany; Horticulture; Ecology; Plant Taxonomy
measures: germination rate; crop loss; water use
people: visitors; students; gardeners
trade: teaching 1850 2025
roles: Primary School Teacher; Head of Mathematics; Headmistress; Lecturer; Private Tutor; Professor
orgs: {} Grammar School; {} High School; {} Academy; {} College; {} Evening School
verbs: start; run; plan; lead; redesign
objects: chess club; science fair; reading programme; school orchestra; algebra course; summer camp; exchange programme; debating society; school garden; literacy class; theatre group; mentoring scheme; geometry textbook; library corner
tools: picture cards; group work; a kit of wooden models; weekly quizzes; slide projectors; peer tutoring
fields: Education; Mathematics; Modern Languages; History; Pedagogy
measures: drop-out rate; absences; pass rate; reading score
people: pupils; parents; teachers; adults
trade: cooking 1880 2025
roles: Sous Chef; Pastry Chef; Head Chef; Baker; Kitchen Manager
orgs: {} Bakery; Hotel {}; Restaurant {}; {} Catering; Café {}
verbs: create; introduce; prepare; test; develop
objects: tasting menu; sourdough loaf; almond tart; fish soup; wedding cake; vegetarian menu; spice blend; breakfast buffet; chocolate praline; noodle dish; fermented sauce; rye bread; lunch menu; goat cheese
tools: a wood-fired oven; local grains; copper pans; sous-vide cooking; a stone mill; wild yeast
fields: Culinary Arts; Food Science; Hotel Management
measures: food waste; ingredient cost; waiting time; energy use
people: guests; diners; apprentices; regulars
trade: architecture 1880 2025
roles: Draughtsman; Junior Architect; Project Architect; Partner; Urban Planner
orgs: {} Architects; Studio {}; {} & Associates; {} Planning Office
verbs: design; renovate; plan; draw up; extend
objects: public library; railway station; concert hall; housing block; primary school; town hall; museum wing; market hall; chapel; courtyard house; bus terminal; swimming pool; theatre; row of terraced houses
tools: cross-laminated timber; plaster models; local limestone; parametric modelling; solar chimneys; prefabricated panels
fields: Architecture; Urban Design; Interior Design; Building Physics
measures: heating demand; building cost; construction time; energy use
people: residents; tenants; visitors; families
trade: journalism 1870 2025
roles: Cub Reporter; Foreign Correspondent; Night Editor; Columnist; Editor-in-Chief
orgs: The {} Gazette; {} Courier; {} Daily News; Radio {}; {} Tribune
verbs: edit; launch; write; produce; report
objects: investigative series; weekly column; radio documentary; front page; podcast; election special; sports section; interview series; travel guide; photo essay; evening bulletin; obituary page; newsletter; war diary
tools: public records; hidden cameras; shorthand notes; data journalism; eyewitness accounts
fields: Journalism; Political Science; English Literature; Media Studies
measures: subscription losses; printing cost; production time; circulation
people: readers; listeners; subscribers; sources
trade: music 1780 2025
roles: Second Violinist; Conductor; Composer in Residence; Choir Master; Session Musician; Organist
orgs: {} Philharmonic; {} Opera; {} Conservatory; {} Chamber Ensemble; {} Records
verbs: compose; conduct; record; arrange; premiere
objects: string quartet; piano concerto; children's opera; symphony; song cycle; film score; jazz suite; requiem; brass fanfare; choral mass; ballet; folk album; violin sonata; radio jingle
tools: a prepared piano; period instruments; tape loops; a church organ; a mobile studio
fields: Composition; Musicology; Conducting; Piano Performance
measures: ticket price; rehearsal time; empty seats; attendance
people: listeners; singers; players; children
trade: aviation 1910 2025
roles: Test Pilot; Flight Instructor; Aircraft Mechanic; Aerodynamicist; Navigator; Flight Engineer
orgs: {} Airways; {} Aircraft Company; {} Flying School; {} Aerospace
verbs: test; fly; design; overhaul; modify
objects: seaplane; glider; jet trainer; cargo aircraft; helicopter; autopilot; wing flap; landing gear; crop duster; rescue drone; wind tunnel; propeller; biplane; flight simulator
tools: a wind tunnel; carbon fibre; strain gauges; smoke tests; titanium rivets; a slide rule
fields: Aeronautical Engineering; Aviation; Physics; Mechanical Engineering
measures: fuel consumption; take-off distance; noise level; maintenance cost
people: passengers; pilots; cadets; mechanics
trade: astronomy 1780 2025
roles: Assistant Astronomer; Director; Computer; Research Fellow; Postdoctoral Researcher
orgs: {} Observatory; {} Space Centre; Institute of Astronomy {}; University of {}
verbs: observe; map; calculate; photograph; catalogue
objects: comet; double star; nebula; solar eclipse; asteroid; variable star; meteor shower; lunar crater; galaxy cluster; exoplanet; pulsar; supernova; radio source; planetary ring
tools: a reflecting telescope; glass plates; a spectrograph; a radio dish; infrared cameras; logarithm tables
fields: Astronomy; Astrophysics; Optics; Celestial Mechanics
measures: position error; exposure time; detector noise
people: observers; amateurs; students
trade: chemistry 1800 2025
roles: Laboratory Assistant; Research Chemist; Head of Laboratory; Process Chemist; Reader in Chemistry
orgs: {} Chemical Works; {} Laboratories; {} Pharma; {} Institute of Chemistry
verbs: synthesise; analyse; test; patent; purify
objects: blue dye; catalyst; alkaloid; antibiotic; synthetic rubber; battery electrolyte; fertiliser; polymer film; nickel alloy; solvent; enzyme inhibitor; perfume base; explosive; water filter
tools: mass spectrometry; gas chromatography; a vacuum line; platinum crucibles; X-ray diffraction
fields: Chemistry; Biochemistry; Pharmacy; Materials Science
measures: yield; production cost; reaction time; waste; impurity level
people: chemists; farmers; patients; workers
trade: farming 1850 2025
roles: Farm Manager; Agronomist; Shepherd; Vineyard Manager; Extension Officer
orgs: {} Farm; {} Estate; {} Growers' Cooperative; {} Agricultural Station
verbs: introduce; breed; plant; manage; improve
objects: drought-resistant wheat; apple orchard; sheep flock; drip irrigation scheme; seed bank; olive grove; dairy herd; tea plantation; fish pond; potato variety; vineyard; compost scheme; rice terrace; beehive
tools: solar pumps; crop rotation; hand grafting; soil sensors; horse teams; green manure
fields: Agriculture; Agronomy; Veterinary Science; Soil Science
measures: water use; crop loss; fertiliser use; harvest time
people: farmers; pickers; households; members
trade: law 1850 2025
roles: Law Clerk; Barrister; Associate; Judge; Legal Adviser; Public Defender
orgs: {} Chambers; {} & Partners LLP; {} District Court; {} Legal Aid Centre
verbs: draft; argue; win; negotiate; review
objects: tenancy appeal; fishing treaty; patent dispute; labour agreement; divorce law; merger contract; asylum case; libel suit; water rights claim; pension settlement; privacy policy; trade agreement; child custody case
tools: archive research; expert witnesses; a mediation panel; witness statements
fields: Law; International Law; Criminology; Labour Law
measures: case backlog; legal fees; trial length
people: clients; tenants; workers; refugees
trade: shipping 1780 2020
roles: Ship's Boy; First Mate; Captain; Harbour Master; Naval Architect; Ship's Engineer
orgs: {} Shipping Line; {} Shipyard; Port of {}; {} Steam Navigation Company
verbs: command; design; build; repair; launch
objects: whaling ship; ferry; icebreaker; steam tug; cargo schooner; lifeboat; submarine; fishing trawler; survey vessel; paddle steamer; training ship; container terminal; dredger; racing yacht
tools: riveted steel; a sextant; sonar; oak planking; a floating dock; diesel engines
fields: Navigation; Naval Architecture; Marine Engineering; Oceanography
measures: loading time; coal use; fuel consumption; repair cost
people: sailors; passengers; dockers; cadets
trade: finance 1900 2025
roles: Bank Clerk; Auditor; Actuary; Portfolio Manager; Chief Accountant; Risk Analyst
orgs: {} Savings Bank; {} Capital; {} Insurance; {} Credit Union; {} Holdings
verbs: audit; launch; manage; restructure; price
objects: pension fund; microcredit scheme; bond portfolio; insurance policy; tax report; payroll system; savings product; currency desk; loan book; annual budget; stock index; mortgage product; fraud model; credit score
tools: Excel; stress tests; double-entry ledgers; SAP; Monte Carlo simulation; punched cards
fields: Economics; Accounting; Finance; Actuarial Science
measures: default rate; operating cost; closing time; processing time
people: clients; savers; shareholders; branches
trade: textiles 1780 2020
roles: Weaver; Pattern Cutter; Fashion Designer; Mill Manager; Costume Designer; Tailor
orgs: {} Mills; House of {}; {} Textiles; {} Costume Studio
verbs: design; weave; sew; dye; restore
objects: silk tapestry; wedding dress; winter coat; stage costume; wool carpet; linen shirt; embroidered robe; knitted sweater; flag; school uniform; raincoat; evening gown; cotton print; felt hat
tools: a Jacquard loom; natural indigo; recycled fibres; hand embroidery; a treadle machine
fields: Textile Design; Fashion; Weaving; Costume History
measures: fabric waste; production time; dye use; return rate
people: customers; dancers; weavers; children
trade: film 1915 2025
roles: Camera Assistant; Director; Film Editor; Screenwriter; Sound Designer; Animator
orgs: {} Pictures; {} Studios; {} Film School; {} Television
verbs: direct; edit; write; produce; shoot
objects: silent comedy; feature film; short documentary; television series; puppet animation; music video; nature film; courtroom drama; commercial; newsreel; crime thriller; road movie; children's show; stop-motion film
tools: a 16 mm camera; natural light; hand-drawn cels; a drone; archive footage; green screens
fields: Film Directing; Animation; Screenwriting; Sound Engineering
measures: shooting time; production cost; editing time
people: viewers; actors; extras; festival guests
trade: electrical engineering 1880 2025
roles: Telegraph Operator; Electrical Engineer; Chief Electrician; Lead Hardware Engineer; Technician
orgs: {} Electric; {} Power Company; {} Semiconductor; {} Telegraph Company
verbs: design; build; test; install; patent
objects: induction motor; street lighting network; hydroelectric plant; radio receiver; transformer station; solar inverter; amplifier; hearing aid; telephone exchange; battery charger; circuit board; power meter; arc lamp; pacemaker
tools: an oscilloscope; alternating current; VHDL; copper windings; vacuum tubes; an FPGA
fields: Electrical Engineering; Physics; Electronics; Telecommunications
measures: power loss; failure rate; charging time; standby current
people: households; subscribers; technicians; factories
trade: archaeology 1850 2025
roles: Field Assistant; Excavation Director; Conservator; Museum Curator; Epigrapher
orgs: {} Museum; {} Archaeological Society; Institute of Archaeology {}; University of {}
verbs: excavate; document; restore; date; publish
objects: bronze hoard; burial mound; Roman villa; clay tablet; city gate; shipwreck; mosaic floor; rock carving; royal tomb; stone circle; papyrus fragment; temple terrace; painted vase; mummy
tools: ground-penetrating radar; radiocarbon dating; a trowel and brush; aerial photographs; laser scanning
fields: Archaeology; Ancient History; Anthropology; Egyptology
measures: survey time; storage cost; damage
people: volunteers; visitors; students; villagers
trade: sport 1900 2025
roles: Assistant Coach; Head Coach; Team Captain; Physiotherapist; Referee; Club President
orgs: {} Athletics Club; {} United; {} Rowing Club; {} Sports Federation
verbs: coach; organise; lead; found; train
objects: relay team; marathon; youth league; swimming squad; rowing crew; wheelchair basketball team; city tournament; ski camp; women's team; training centre; hockey side; gymnastics display; cycling race; national squad
tools: video analysis; altitude training; interval runs; heart rate monitors
fields: Sports Science; Physiotherapy; Sports Management
measures: injury rate; lap time; ticket price; membership fee
people: athletes; spectators; juniors; members
trade: libraries 1880 2025
roles: Librarian; Archivist; Cataloguer; Head of Special Collections; Bookseller
orgs: {} Public Library; {} State Archive; {} University Library; {} Books
verbs: catalogue; digitise; open; organise; restore
objects: map collection; rare book room; reading room; bookmobile; letter archive; manuscript; children's section; newspaper index; card catalogue; parish register; photo archive; lending system; author's estate; braille collection
tools: microfilm; MARC records; linen thread; volunteers; optical character recognition
fields: Library Science; Archival Studies; Book History
measures: search time; overdue loans; storage cost
people: readers; borrowers; visitors; historians
trade: logistics 1930 2025
roles: Dispatcher; Warehouse Manager; Supply Chain Analyst; Operations Director; Buyer
orgs: {} Freight; {} Logistics; {} Stores; {} Distribution
verbs: plan; automate; open; manage; redesign
objects: cold store; delivery network; parcel hub; packing line; spare parts depot; truck fleet; customs procedure; stock system; night shift; returns centre; supplier contract; loading dock; route plan; warehouse
tools: barcode scanners; SAP; linear programming; electric vans; kanban boards; conveyor belts
fields: Logistics; Operations Research; Business Administration
measures: delivery time; stock losses; transport cost; picking errors
people: drivers; suppliers; shops; customers
trade: psychology 1900 2025
roles: School Psychologist; Counsellor; Research Assistant; Clinical Psychologist; Senior Lecturer
orgs: {} Institute of Psychology; {} Counselling Centre; University of {}; {} Mental Health Trust
verbs: design; lead; evaluate; publish; run
objects: sleep study; memory test; grief group; attention training; crisis line; parenting course; stress survey; intelligence test; reading experiment; addiction programme; twin study; anxiety scale
tools: eye tracking; structured interviews; SPSS; diary entries; an EEG
fields: Psychology; Neuroscience; Social Work; Cognitive Science
measures: relapse rate; drop-out rate; waiting list; reaction time
people: participants; families; students; callers
"""

_HELD = """
trade: glassmaking 1800 2020
roles: Gaffer; Glass Cutter; Studio Manager; Kiln Technician
orgs: {} Glassworks; {} Crystal; {} Optical Works
verbs: blow; engrave; cast; design; restore
objects: stained-glass window; chandelier; lens blank; decanter; paperweight; telescope mirror; goblet; lampshade; glass harp; fire screen
tools: lead crystal; a coal furnace; diamond wheels; acid etching
fields: Glass Design; Ceramics; Optics
measures: breakage; furnace time; gas use
people: collectors; parishes; apprentices
trade: meteorology 1860 2025
roles: Weather Observer; Forecaster; Climatologist; Station Chief
orgs: {} Weather Service; {} Polar Station; {} Climate Centre
verbs: set up; operate; forecast; model; record
objects: storm warning; rain gauge network; weather balloon; hurricane; frost map; monsoon index; snow survey; drought outlook; tide table; lightning detector
tools: barometers; satellite images; ensemble models; kites
fields: Meteorology; Climatology; Geophysics
measures: forecast error; warning time; false alarms
people: fishermen; pilots; farmers
trade: game design 1985 2025
roles: Level Designer; Gameplay Programmer; Producer; Puzzle Author
orgs: {} Games; {} Interactive; {} Playworks
verbs: design; release; prototype; program; balance
objects: puzzle game; card game; racing simulator; escape room; physics engine; quest system; dungeon level; multiplayer mode; board game; dialogue editor
tools: Unity; Godot; Lua; paper prototypes; Blender
fields: Game Design; Interactive Media; Computer Graphics
measures: loading time; crash rate; refund rate
people: players; testers; backers
trade: mining 1850 2020
roles: Pit Foreman; Mining Engineer; Assayer; Safety Inspector
orgs: {} Colliery; {} Mining Company; {} Copper Mine
verbs: sink; ventilate; survey; open; drain
objects: mine shaft; ore crusher; coal seam; rescue chamber; tailings pond; underground railway; silver vein; pump house; salt gallery; drill core
tools: safety lamps; compressed air; a steam pump; seismic sensors
fields: Mining Engineering; Geology; Mineralogy
measures: dust level; accident rate; hauling cost
people: miners; widows; villagers
"""


@dataclass(frozen=True)
class Trade:
    """One trade: its words, and the years (`first` to `last`) in which it is practised."""

    name: str
    first: int
    last: int
    roles: list[str]
    orgs: list[str]
    verbs: list[str]
    objects: list[str]
    tools: list[str]
    fields: list[str]
    measures: list[str]
    people: list[str]


def _parse(text: str) -> list[Trade]:
    trades: list[Trade] = []
    rows: dict[str, str] = {}
    for line in [*text.strip().splitlines(), "trade: end 0 0"]:
        key, _, value = line.partition(": ")
        if key == "trade" and rows:
            name, first, last = rows.pop("trade").rsplit(" ", 2)
            trades.append(Trade(name, int(first), int(last), **{k: v.split("; ") for k, v in rows.items()}))
            rows = {}
        rows[key] = value
    return trades


TRADES, HELD_TRADES = _parse(_TRAIN), _parse(_HELD)

# base past gerund, then what a visitor may say instead (base forms), for every verb above.
_VERBS = """
repair repaired repairing fix,mend | design designed designing plan,develop | regulate regulated regulating adjust | build built building make,create,construct
restore restored restoring repair | develop developed developing build,make,create | rewrite rewrote rewriting redo | deploy deployed deploying release,launch
maintain maintained maintaining look-after | train trained training teach | evaluate evaluated evaluating test,measure | fine-tune fine-tuned fine-tuning tune,adapt
publish published publishing release,put-out | compress compressed compressing shrink | survey surveyed surveying measure | inspect inspected inspecting check,examine
reinforce reinforced reinforcing strengthen | run ran running lead,manage,head | set-up set-up setting-up start,establish | reorganise reorganised reorganising reform,reorganize
study studied studying investigate,research | supervise supervised supervising oversee,lead | describe described describing identify | catalogue catalogued cataloguing list,catalog
illustrate illustrated illustrating draw,paint | cultivate cultivated cultivating grow | collect collected collecting gather | start started starting found,begin
plan planned planning prepare | lead led leading run,head,manage | redesign redesigned redesigning change,rework | create created creating make,invent
introduce introduced introducing bring-in | prepare prepared preparing make,cook | test tested testing try | renovate renovated renovating restore,modernise
draw-up drew-up drawing-up design,plan | extend extended extending enlarge | edit edited editing put-together | launch launched launching start
write wrote writing author | produce produced producing make | report reported reporting cover | compose composed composing write
conduct conducted conducting lead | record recorded recording tape | arrange arranged arranging write | premiere premiered premiering perform
fly flew flying pilot | overhaul overhauled overhauling repair | modify modified modifying change | observe observed observing see,watch
map mapped mapping chart | calculate calculated calculating compute,work-out | photograph photographed photographing take-pictures-of | synthesise synthesised synthesising make
analyse analysed analysing study,analyze | patent patented patenting protect | purify purified purifying clean | breed bred breeding raise
plant planted planting grow | manage managed managing run,lead | improve improved improving better | draft drafted drafting write
argue argued arguing plead | win won winning get | negotiate negotiated negotiating agree | review reviewed reviewing check
command commanded commanding lead | audit audited auditing check | restructure restructured restructuring reorganise | price priced pricing value
weave wove weaving make | sew sewed sewing make | dye dyed dyeing colour | direct directed directing make
shoot shot shooting film | install installed installing put-in,set-up | excavate excavated excavating dig-up | document documented documenting record
date dated dating determine-the-age-of | coach coached coaching train | organise organised organising run,organize | found founded founding start
digitise digitised digitising scan,digitize | open opened opening start | automate automated automating mechanise | blow blew blowing make
engrave engraved engraving cut | cast cast casting make | operate operated operating run | forecast forecast forecasting predict
model modelled modelling simulate | release released releasing publish | prototype prototyped prototyping try-out | program programmed programming code
balance balanced balancing tune | sink sank sinking dig | ventilate ventilated ventilating air | drain drained draining dry
"""


@dataclass(frozen=True)
class Verb:
    base: str
    past: str
    gerund: str
    other: tuple[str, ...]


def _verbs(text: str) -> dict[str, Verb]:
    table = {}
    for row in text.replace("\n", " | ").split("|"):
        if row.strip():
            base, past, gerund, other = row.split()
            known = base if base == "fine-tune" else base.replace("-", " ")
            plain = str if base == "fine-tune" else (lambda word: word.replace("-", " "))
            table[known] = Verb(known, plain(past), plain(gerund), tuple(o.replace("-", " ") for o in other.split(",")))
    return table


VERBS = _verbs(_VERBS)
