"""
Sentence patterns of the shipped grammars, by family.

A pattern is words and slots. N a noun of the topic, V a verb, J an adjective, R a word of the long tail, D a number,
E a name of the account's own (person, project, code base), C the same as an identifier, F a function word, S one that
begins a sentence.
"""

_ASK = (
    "How do I V the J R in E ?",
    "Can you V this R N for E ?",
    "Why does the N of E V my J N ?",
    "Which way to V N and R ?",
    "Please V the N that E sent about R .",
    "I need to V a J N before D .",
    "Is there a J N like E for R ?",
    "My N in E shows R after I V it .",
    "Help me V E so that the N is J .",
    "Could we V the N without E ?",
    "We have D R and E wants to V them .",
    "Where should the J R of C live ?",
    "The function C in E returns a J N .",
    "Should I V R or V the N ?",
    "Write something J about R and N .",
    "It fails when C meets R D .",
    "Give me D ideas to V R for E .",
    "After R the N became J , what now ?",
    "Let E know that the N is J .",
    "Tell me how R and N differ .",
    "Suppose a N is J and R is not .",
    "For E , V the R N again .",
    "Does a J R cost more than D ?",
    "Rewrite this N : the R was J and the N did V .",
)
_TASK = (
    "Now V the N of a J N with D N .",
    "Write a J N about R .",
    "Given a N and a J N , V R .",
    "List D ways to V a N .",
    "Explain how a N can V R .",
    "Compare the J N with R .",
    "Create a N for someone who must V R .",
    "A N has D N and D N , V them .",
    "Describe R to a J audience .",
    "What happens if the N does V before R ?",
    "Name D N that are J .",
    "Classify R as N or N .",
    "Find the J N among R , R and N .",
    "Suggest a J N to V N at D .",
    "Turn R into a J N .",
    "Implement a N that can V D R .",
)
_RULE = (
    "You are a J assistant for N and R .",
    "Always V the N before you V anything .",
    "Keep every N below D words .",
    "When a N is J , V it first .",
    "Never V R unless the N is J .",
    "Answer as a J N with R .",
    "Use D N at most , and V each .",
    "If R is missing , V the N .",
    "Return N , N and R in that order .",
    "Our N handles J N for R .",
    "Prefer a J N over R .",
    "State how the N did V R .",
    "Refer to E for J N .",
    "Mark each R as J or J .",
    "Treat D as the J N .",
    "The N must V R within D steps .",
    "Only J N may V the R .",
    "Quote the N that made R J .",
)
_SAY = (
    "The N is J because R did V it .",
    "First V the N , then R .",
    "In E the N takes D .",
    "A J N helps to V R .",
    "You can V N with C .",
    "Note that R is rarely J .",
    "So the J N costs D .",
    "Then V E and the N again .",
)
_PERSONA = (
    "I am E and look after J N .",
    "My name is E , I V N .",
    "As E , who has to V N :",
    "You talk to E from N .",
    "This is E again , the J N .",
    "Here E , I V R and N .",
)
_NOTE = (
    "This is for E .",
    "Context : E , the J N .",
    "It belongs to E .",
    "For the N of E :",
    "Filed under C .",
    "Asked by E .",
)
_TOOL = (
    "exit D : C R D .",
    "line D of C : R is J .",
    "found D N in C .",
    "ok : N = D , R = D .",
    "total D C D R .",
    "warning C : N is J .",
    "diff C : D N , D R .",
    "status D , N J , R D .",
)
_FREE = (
    "S N V F J N ?",
    "S R F N J .",
    "S V N F E .",
    "S N F R V F N .",
    "S E J N F D .",
    "S J R F N V ?",
    "S N N F R F E .",
    "S V F N F J R F .",
    "S R N V F F N .",
    "S J N F D R .",
)

FAMILIES: dict[str, tuple[str, ...]] = {
    "ask": _ASK,
    "task": _TASK,
    "rule": _RULE,
    "say": _SAY,
    "persona": _PERSONA,
    "note": _NOTE,
    "tool": _TOOL,
}
_NAMELESS = tuple(p.replace(" E ", " R ") for p in _FREE)
_NAMED = tuple(p for p in _FREE if " E " in p)
FOREIGN: dict[str, tuple[str, ...]] = {
    "ask": _FREE,
    "task": _NAMELESS,
    "rule": _NAMELESS,
    "say": _FREE,
    "persona": _NAMED,
    "note": _NAMED,
    "tool": _TOOL,
}
