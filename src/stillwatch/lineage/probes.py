"""
What is put to a model: texts that tokenizers cut differently, and plain questions that any model answers.

A stored panel of token counts is for exactly these texts: `digest()` names them. After a change here make the panel anew.
"""

import hashlib
from itertools import product

BASELINE = "plain"
FIRST, LAST = "Read this:\n", "\nDone"

# Kind of text, and a text: written for this purpose. Each begins and ends with a letter or digit, so that no chat template
# or trimming gateway touches it.
PROBES: tuple[tuple[str, str], ...] = (
    (BASELINE, "words"),
    ("digits", "3141592653589793238462643383279502884197 and 1000000 and 2026"),
    ("runs of spaces", "a  b   c    d     e      f       g        h         i          j                end"),
    ("indented code", "def f(x):\n        if x > 0:\n            return x ** 2\n        return list(range(10))\n\n\n\treturn y"),
    ("camel case", "getElementsByClassName setHTTPResponseHeaderFieldValue XMLHttpRequestUploadProgressEvent iOSUIView"),
    ("Chinese", "春天的早晨阳光明媚小鸟在树上唱歌孩子们背着书包走进学校开始新的一天学习"),
    ("Japanese", "東京の電車はとても正確に運行されていて毎朝たくさんの人が通勤に利用しています"),
    ("Korean", "오늘은 날씨가 맑아서 친구들과 함께 공원에서 자전거를 타고 맛있는 점심을 먹었습니다"),
    ("Russian", "Сегодня утром шёл сильный дождь поэтому дети остались дома и читали интересные книги о путешествиях"),
    ("Arabic", "ذهبت إلى السوق صباحا واشتريت خبزا طازجا وفاكهة متنوعة ثم عدت إلى البيت قبل الظهر"),
    ("Hindi", "आज सुबह मैंने बाज़ार से ताज़ी सब्ज़ियाँ खरीदीं और घर लौटकर सबके लिए खाना बनाया"),
    ("Thai", "วันนี้อากาศดีมากเราจึงไปเดินเล่นที่สวนสาธารณะและกินข้าวกลางวันด้วยกันอย่างมีความสุข"),
    ("German", "Donaudampfschifffahrtsgesellschaftskapitän und Rechtsschutzversicherungsgesellschaften größtenteils überflüssig"),
    ("emoji", "so 🙂🙃🚀🎉👩‍👩‍👧‍👦🏳️‍🌈🤷🏽‍♂️💾🧬🪐 ok"),
    ("symbols", "x → y ⇒ ∀ε>0 ∃δ: |f(x)−L|<ε ∧ ∑∫√∞≠≈ ±÷× §¶†‡ «»„“ end"),
    ("punctuation", "a!!!???...;;;:::---===___***###@@@%%%^^^&&&~~~```b"),
    ("hexadecimal", "deadbeef0123456789abcdef c0ffee00 7f454c46 9e3779b97f4a7c15 e3b0c44298fc1c149afbf4c8996fb924"),
    ("address", "https://example.org/a/b/c.php?id=12345&lang=en-GB&utm_source=x#section-2.1 and user.name+tag@example.org x"),
    ("capitals", "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG WHILE THE CAT SLEEPS IN THE SUNSHINE"),
    ("contractions", "I'd've said they're what we'll've done; it's y'all'd who CAN'T, DON'T, WON'T and shouldn't've x"),
    ("mathematics", r"the \frac{\partial^2 u}{\partial t^2} = c^2 \nabla^2 u + \sum_{n=0}^{\infty} \frac{x^n}{n!} term"),
    ("Greek", "Η θάλασσα ήταν ήρεμη και τα πλοία έφευγαν αργά από το λιμάνι προς τα νησιά"),
    ("Vietnamese", "Buổi sáng tôi thường uống cà phê và đọc báo trước khi đi làm ở trung tâm thành phố"),
    ("repeated letters", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb hahahahahahahahaha nooooooooo"),
)

# Text that only a tokenizer with such a token, on a server that parses it, counts as one.
SPECIAL_TOKENS: tuple[str, ...] = (
    "<|im_start|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|begin_of_text|>",
    "<start_of_turn>",
    "[INST]",
    "<|im_middle|>",
    "<｜User｜>",
    "<|channel|>",
    "[gMASK]",
)

_TASKS = (
    "Write two sentences about {}.",
    "Explain {} to a child of ten.",
    "Give one surprising fact about {}.",
    "Write the opening of a short story about {}.",
    "What is the most common mistake people make about {}?",
    "Describe {} without using the word itself.",
    "Give three tips for somebody new to {}.",
    "Compare {} with something it is often confused with.",
)
_TOPICS = (
    "rain",
    "sourdough bread",
    "lighthouses",
    "compound interest",
    "bees",
    "a broken clock",
    "prime numbers",
    "mountain railways",
    "sleep",
    "volcanoes",
    "chess openings",
    "recycling",
    "violins",
    "the moon",
    "traffic jams",
    "libraries",
    "gravity",
    "gardening",
    "old maps",
    "vaccines",
    "origami",
    "databases",
    "whales",
    "job interviews",
)


def wrapped(body: str) -> str:
    """
    A probe as it is sent: between the same words always, so that what a chat template adds is the same for all.

    >>> wrapped("words")
    'Read this:\\nwords\\nDone'
    """
    return f"{FIRST}{body}{LAST}"


def digest() -> str:
    """Twelve hex digits that name the probes."""
    return hashlib.sha256("\x00".join(wrapped(text) for _, text in PROBES).encode()).hexdigest()[:12]


def questions() -> tuple[str, ...]:
    """192 plain questions, neighbours unlike each other, so that the first few already cover the tasks and topics."""
    pairs = list(product(range(len(_TOPICS)), range(len(_TASKS))))
    pairs.sort(key=lambda pair: ((pair[0] + 3 * pair[1]) % len(_TOPICS), pair[1]))
    return tuple(_TASKS[task].format(_TOPICS[topic]) for topic, task in pairs)
