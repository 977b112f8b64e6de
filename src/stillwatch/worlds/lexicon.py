"""
The words of the shipped grammars: English word lists by topic, and syllables from which every language's other words
are made.

Why not a word list from elsewhere: the text of a shipped world must be ours to give away, and the long tail of names and
jargon, which is what a rare-word method reads, has to differ from seed to seed anyhow.
"""

from dataclasses import dataclass

TOPICS: dict[str, str] = {
    "web": (
        "page button form layout stylesheet browser cookie router component header footer widget viewport redirect "
        "domain hosting cart checkout plugin banner menu tooltip modal sprite font gradient sitemap hyperlink"
    ),
    "database": (
        "query index table column schema migration transaction replica shard cursor backup constraint trigger view join "
        "snapshot partition lock deadlock vacuum rollback tuple primary sequence warehouse extract"
    ),
    "devops": (
        "container cluster pipeline deployment node manifest registry volume secret probe rollout namespace ingress "
        "alert dashboard runner artifact terraform playbook firewall gateway bucket quota runbook outage"
    ),
    "python": (
        "module package function decorator generator iterator exception traceback dataclass lambda closure coroutine "
        "dictionary tuple wheel fixture linter notebook interpreter bytecode metaclass import docstring stub"
    ),
    "finance": (
        "invoice ledger budget forecast dividend equity bond loan mortgage audit receipt margin cashflow tax payroll "
        "asset liability hedge valuation escrow voucher treasury reserve coupon default refinancing"
    ),
    "law": (
        "contract clause tenant landlord statute hearing appeal plaintiff witness liability trademark patent licence "
        "settlement deposition injunction arbitration affidavit will estate custody verdict counsel brief notary"
    ),
    "medicine": (
        "symptom dosage patient therapy diagnosis clinic allergy vaccine prescription surgery ward nurse biopsy insulin "
        "asthma migraine fracture rehab antibody screening fever tumour pharmacy relapse triage"
    ),
    "cooking": (
        "recipe oven dough sauce garlic onion broth skillet marinade pastry yeast butter lentil noodle roast simmer "
        "whisk spice basil pepper casserole dessert glaze stew batter pickle"
    ),
    "travel": (
        "itinerary hostel flight visa luggage museum ferry passport beach trail train harbour souvenir layover booking "
        "island castle market temple guide campsite border tram festival lagoon village"
    ),
    "fiction": (
        "chapter character plot dragon detective villain narrator dialogue kingdom prophecy sword tavern spaceship "
        "android curse orphan letter lighthouse storm ghost sequel scene protagonist duel crown"
    ),
    "marketing": (
        "campaign slogan audience newsletter funnel brand influencer landing conversion headline persona survey "
        "retention pitch keyword outreach segment coupon webinar sponsor engagement teaser launch loyalty referral"
    ),
    "biology": (
        "protein enzyme membrane genome mutation bacterium cell neuron species habitat chlorophyll ribosome predator "
        "pollen larva fungus receptor plasmid embryo tissue reef ecosystem hormone spore"
    ),
    "physics": (
        "photon momentum entropy lattice quark field voltage spectrum laser magnet orbit friction plasma vacuum "
        "wavelength neutron torque resonance gravity boson pendulum capacitor diffraction isotope"
    ),
    "maths": (
        "matrix integral theorem proof polynomial vector derivative sequence graph prime fraction triangle limit "
        "probability lemma eigenvalue logarithm permutation circle equation manifold series parity tensor"
    ),
    "school": (
        "essay homework lecture exam semester syllabus teacher grade tutor thesis paragraph citation quiz classroom "
        "curriculum rubric scholarship campus seminar debate worksheet assignment bibliography outline"
    ),
    "games": (
        "level quest inventory sprite multiplayer joystick boss dungeon loot avatar controller respawn leaderboard "
        "puzzle card dice token guild shader collision hitbox physics save cutscene"
    ),
    "music": (
        "chord melody rhythm guitar lyric chorus tempo album drummer violin bassline octave harmony mixer vinyl concert "
        "microphone sonata playlist remix cadence synth refrain orchestra"
    ),
    "sport": (
        "workout squat marathon coach league striker referee sprint stamina tournament goalkeeper dumbbell jersey "
        "stretching calorie protein cyclist racket serve podium relay sprain training penalty"
    ),
    "home": (
        "garden plumbing fence roof paint carpet drill hinge insulation sofa curtain radiator lawn tile shelf faucet "
        "compost ladder gutter varnish socket pantry mattress thermostat"
    ),
    "hiring": (
        "resume interview recruiter salary candidate onboarding manager promotion internship notice reference vacancy "
        "mentor contract feedback portfolio relocation bonus shift overtime colleague vacation posting"
    ),
    "data": (
        "dataset feature classifier regression outlier histogram cluster embedding label baseline variance residual "
        "sampling quantile bootstrap heatmap forecast covariate scatter pivot imputation threshold metric correlation"
    ),
    "security": (
        "password phishing token certificate malware exploit patch encryption sandbox payload audit credential backdoor "
        "botnet hash signature rootkit honeypot proxy breach advisory scanner quarantine vault"
    ),
    "logistics": (
        "shipment pallet courier customs freight warehouse container manifest route carrier inventory forklift dock "
        "barcode tariff backlog supplier truck parcel cargo harbour dispatch lading fleet"
    ),
    "support": (
        "ticket refund complaint delivery warranty subscription account password agent queue escalation transcript "
        "callback customer outage survey macro chatbot replacement invoice apology resolution handover renewal"
    ),
}

VERBS = (
    "fix write explain summarise translate compare improve shorten check review test plan design debug convert rewrite "
    "describe list find choose remove add merge split rename sort measure estimate draft outline describe simplify "
    "verify build "
    "install configure update replace analyse group label rank score predict schedule prepare clean format extract validate "
    "optimise document refactor implement simulate visualise calculate prove solve derive classify critique edit expand "
    "organise automate export import migrate monitor secure cache index query join parse render deploy train "
    "evaluate calibrate"
)
ADJECTIVES = (
    "small large old new broken slow fast simple strange hidden missing final first second weekly annual public private "
    "local remote empty double short long cheap heavy quiet modern rusty green blue digital manual formal friendly urgent "
    "optional nested partial recent late early stable noisy sparse dense shared daily custom legacy global average typical "
    "unusual detailed rough clean dirty wooden electric fragile seasonal temporary permanent internal external vertical"
)
NAMES = (
    "ba be bo bri ca ce chi da de do dra el en fa fe fi ga ge go gri ha he hi ho ja je jo ka ke ki ko kra la le li "
    "lo lu ma me mi "
    "mo na ne ni no nu or pa pe pi po qua ra re ri ro ru sa se shi so sta su ta te ti to tra u va ve vi vo wa we wi "
    "xa ya yo za ze zi"
)


@dataclass(frozen=True, slots=True)
class Language:
    """
    A language of the shipped grammars.

    English has its real words. The others have real function words and, for the rest, words made of their own syllables:
    they are there so that script and word length vary among benign accounts and campaigns alike, not to be read.
    """

    name: str
    share: float  # of ordinary accounts
    space: str  # between words
    syllables: str
    function: str
    stop: str = "."
    ask: str = "?"


LANGUAGES: tuple[Language, ...] = (
    Language("en", 0.66, " ", NAMES, ""),
    Language(
        "es",
        0.08,
        " ",
        "ca co cu de di do es fa ga jo la lle lo lu ma mi mo na ñe no pa pe po que ra re rri sa so ta te ti to tra va "
        "ve za ción dad mente",
        "el la los de que en un una para con por como más pero sobre este cuando muy sin entre",
    ),
    Language(
        "de",
        0.06,
        " ",
        "ab an auf be bu che der ein er fel ge gen haf hei ig kei la len li mei nen nis ort rau rech sam schaf sel stel "
        "tig tra ung ver wei zel zu",
        "der die das und mit für von ist ein eine nicht auf wie zu bei nach über aus wenn noch",
    ),
    Language(
        "ru",
        0.05,
        " ",
        "ба ве го да до ен жи за ка ко кра ле ли ло ма ме мо на не ни но об пе по пра ра ре ро са се ска сто та те ти "
        "то тра ть уш фо ха це чи ша",
        "и в на что как для это с по из не от при или уже так где мы",
    ),
    Language(
        "zh",
        0.07,
        "",
        "的 一 是 在 人 有 我 他 这 中 大 来 上 国 个 到 说 们 为 子 和 你 地 出 道 也 时 年 得 就 "
        "那 要 下 以 生 会 自 着 去 之 过 家 学 对 可 里 后 小 么 心 多 天 而 能 好 都 然 没 日 于 "
        "起 还 发 成 事 只 作 当 想 看 文 无 开 手 十 用 主 行 方 又 如 前 所 本 见 经 头 面 公 同 "
        "三 已 老 从 动 两 长",
        "的 了 在 是 和 把 给 对 从 请 这个 怎么 如何 因为 所以 一个 什么 可以",
        "。",
        "？",
    ),
    Language(
        "ar",
        0.04,
        " ",
        "با تي جا حو خا دي را زو سا شي صا طو عا غي فا قو كا لي ما نو ها وي يا ال مو تا سي دا",
        "في من على إلى عن أن هذا هذه مع كان هل ما كل بعد قبل بين",
        ".",
        "؟",
    ),
    Language(
        "hi",
        0.04,
        " ",
        "का की कु खा गा गी चा जा टा डा ता ती दा धा ना नी पा फा बा भा मा मी या रा री ला वा शा सा सी हा",
        "है के में की से को का और पर यह एक हैं भी नहीं लिए कर तो",
        "।",
    ),
)
