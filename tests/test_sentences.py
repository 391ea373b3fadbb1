"""No sentence of the course says more than is so: what was once said wrongly, and what it takes to say it.

Read are the lessons and exercises, the cards, the reasons of the predictions, the guide, the README and all
docstrings. What stands in quotation marks is somebody's claim, not ours, and so is the field `wrong` of a card.
"""

import ast
import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from paxos_lab.verify.wrong.claims import REFUTATIONS

TOP = Path(__file__).resolve().parent.parent
NEVER = r"(?!)"  # fits nothing: a sentence that `said` fits is wrong, whatever stands beside it
WRONG = r"\b(wrong|false|refut\w*|(not|no) (promise|guarantee)\w*)\b"
DENIED = r"\b(not|nor|no|never|cannot|nobody|neither|false|wrong|refute\w*|mistake|breaks?|breaking)\b"


@dataclass(frozen=True)
class Claim:
    """Sentences that `said` fits need `beside` in themselves; each of `wrong` lacks it, each of `right` does not."""

    name: str
    said: str
    beside: str
    wrong: tuple[str, ...]
    right: tuple[str, ...]


ALONE = r"\balone\b|undisturbed|in peace|\bone proposer\b|rivals? (stop|stand|wait|keep)|proposers behave"

CLAIMS = (
    Claim(
        "ends",
        r"\bterminat(es|ion)\b.*\b(when|once|while|as long as|only if)\b|\blive (when|while|once|if|as long as)\b"
        r"|\benough to go on\b|\bprogress (needs|takes|requires)\b.*\bmajority\b",
        rf"{ALONE}|{WRONG}",
        (
            "It is always safe, and it terminates once messages are timely for long enough.",
            "Paxos is always safe, and live when the network is calm.",
            "It is safe in every run, and terminates when messages are timely for long enough.",
            "It goes on when enough are back: safe always, live when a majority is up and can talk.",
            "A majority that is up and can talk to each other is enough to go on.",
        ),
        (
            "It is always safe, and it terminates once a majority is up, messages are timely and one proposer is left "
            "alone for long enough.",
            "Safe always, live while a majority is up, messages are timely and one proposer is left alone.",
        ),
    ),
    Claim(
        "safety-of-the-acceptor-alone",
        r"\bsafety (rests|depends|hangs|stands)\b.*\b(these two rules|acceptors?\b)"
        r"|\bsafety\b.*\b(beyond|only) (the rules of the acceptor|the acceptor's rules)",
        r"\bballots?\b.*\bquorums? (that )?meet|\bnot only\b",
        (
            "The acceptor: the memory of Paxos. All of safety rests on these two rules (PMS 2.2).",
            "Nothing of this is needed for safety beyond the rules of the acceptor.",
            "Safety needs none of this, only the acceptor's rules: two servers may both believe that they lead.",
        ),
        (
            "Safety rests on the acceptor's two rules, on ballots that no two proposers share, on the choice of the "
            "value, and on quorums that meet.",
        ),
    ),
    Claim(
        "a-lower-prepare",
        r"\banswers? (a )?`?prepare\S* only if\b|\bforbids? prepares\b|\bcloses all lower ballots, for prepares\b"
        r"|\b(ignores?|answer no more)\b[^.]*\b(lower|below)\b|\bbelow which I answer no more\b",
        r"\bspeed\b|optimi[sz]ation|\bno use\b|\bfaster\b|\bsaves\b",
        (
            "Answer `Prepare(b)` only if b is not below any promise made.",
            "Answer a prepare only if its ballot is not below any promise made: promise it.",
            "A promise closes all lower ballots, for prepares and for votes.",
            "A promise forbids prepares and votes below b; it reports the vote of the highest ballot so far.",
            "a2 promises ballot 3.p1; from now on it ignores anything lower.",
            "An acceptor has said that it will ignore every ballot below this one.",
            "The ballot below which I answer no more.",
        ),
        (
            "A promise forbids votes below b, and the stored promise never goes down; refusing a lower prepare is only "
            "for speed.",
            "It may ignore a prepare that is lower, and should, for speed.",
        ),
    ),
    Claim(
        "a-theorem-as-a-fact",
        r"\bno other value can ever\b|\bevery proposed value is still possible\b",
        r"\brules\b",
        (
            "coffee is chosen. No other value can ever be.",
            "Nothing is chosen yet, and no open ballot has a value yet: every proposed value is still possible.",
        ),
        ("coffee is chosen. By the rules, no other value can ever be.",),
    ),
    Claim(
        "the-fourth-acceptor",
        r"\b(fourth|four|even number)\b.*\b((buys|adds) nothing|(only|merely) useless|no better than three)\b",
        NEVER,
        (
            "2F + 1 acceptors survive F crashes; an even number is safe but buys nothing.",
            "The fourth costs more and buys nothing here.",
            "A fourth one adds nothing: 4 survive one, as 3 do.",
            "The quorum lab; why four are no better than three.",
        ),
        ("With majorities a fourth one survives no more crashes: 4 survive one, as 3 do.",),
    ),
    Claim(
        "the-clock",
        r"\bno shared clock, so\b|\black of a shared clock\b|\bnewer attempt looks older\b",
        NEVER,
        (
            'There is no shared clock, so no node can know how long "too long" is.',
            "Show why crashes, delays and the lack of a shared clock make it hard.",
            "The newer attempt looks older.",
        ),
        ("There is no bound on how long a message may take, so no node can know how long too long is.",),
    ),
    Claim(
        "a-bound-on-one-message",
        r"\bonly if no message can be older\b",
        NEVER,
        ("Only if no message can be older than a minute.",),
        ("Only if a whole ballot is sure to be over within that minute.",),
    ),
    Claim(
        "three-ballots-are-enough",
        r"\bat least three ballots\b",
        r"\bfour(th)?\b",
        (
            "An exhaustive search on small settings for the subtle orders, at least three ballots and a crash.",
        ),
        ("At least three ballots, and four for a learner that adds up ballots.",),
    ),
    Claim(
        "any-protocol",
        r"\bno protocol\b.*\bFLP\b|\bFLP\b.*\bno protocol\b",
        r"\bdeterministic\b",
        ("Neither wins against a network that may take for ever. No protocol does: that is FLP.",),
        ("No protocol that is deterministic can guarantee it: that is FLP.",),
    ),
    Claim(
        "other-systems",
        r"\breal systems\b.*\b(lost|implemented|built|mistakes?|made)\b|\b(lost|implemented|built|mistakes?|made)\b.*"
        r"\breal systems\b|\bhave lost (data|decisions|writes)\b",
        r"\b\d{4}\b|#\d+|https?:",
        (
            "This reading has been implemented in real systems, and it loses chosen values.",
            "People have built this into real systems.",
            "Real systems have lost data this way, since a timeout that is too short looks exactly like a crash.",
            "Stores which let Paxos state expire have lost decisions by it.",
        ),
        ("This reading was found in real systems, and reported as scylladb#6139: it lost data.",),
    ),
    Claim(
        "one-fair-run",
        r"\bthe fairest\b.*\b(continuation|run|world)\b",
        NEVER,
        ("That is the fairest continuation there is.",),
        ("That is one fair continuation, a very kind one.",),
    ),
    Claim(
        "safer",
        r"\b(larger|bigger) group is safer\b",
        NEVER,
        ("A larger group is safer and slower.",),
        ("A larger group survives more crashes.",),
    ),
    Claim(
        "everything-is-lost",
        r"\bquorum restarts\b.*\beverything is lost\b",
        NEVER,
        ("If a whole quorum restarts at the same moment, everything is lost.",),
        ("If a whole quorum loses its disks at the same moment, what only that quorum held is lost.",),
    ),
    Claim(
        "the-read-point",
        r"\bnotes its (commit point|last executed slot)\b",
        r"\btaken over\b|\bgiven out\b",
        (
            "The leader notes its commit point, confirms by heartbeats to a quorum that it still leads, and answers.",
        ),
        (
            "The leader notes its commit point or, if higher, the last slot that it has given out or taken over.",
        ),
    ),
    Claim(
        "quorum-read",
        r"\bquorum reads?\b",
        r"\bReadIndex\b|\bread index\b|\bABD\b|\breplicas\b|\bCassandra\b|\bcalled?\b",
        ("A quorum read: the leader makes sure by heartbeats that it still leads.",),
        ("ReadIndex is not what others call a quorum read: that asks a quorum of replicas for data.",),
    ),
    Claim(
        "each-alone",
        r"\blesson stands alone\b",
        NEVER,
        ("Each lesson stands alone: you may start anywhere.",),
        ("Each lesson says at its top which ones it needs.",),
    ),
    Claim(
        "writes-counted",
        r"\b(2n|2 n) (forced )?writes\b",
        r"2n \+ 1|2 n \+ 1|\bacceptors?\b|\bround\b",
        ("Basic Paxos: 4 message delays, 2n writes.",),
        ("Basic Paxos: 4 message delays, 2n writes of the acceptors and one of the proposer, its round.",),
    ),
)

# What the course refutes by a run. Whoever says such a thing in our prose denies it in the same breath.
REFUTED = {
    "ends-without-failures": r"\bwithout (any )?(failures?|faults?)\b.*\bterminates\b|\bterminates\b.*\bno failures\b",
    "reported-was-chosen": r"\breport(s|ed)\b.*\b(must have been|was surely|is surely) chosen\b",
    "same-majority": r"\bmajority that promised must\b|\bsame majority (must|has to)\b",
    "even-is-unsafe": r"\beven number\b.*\bunsafe\b",
    "equal-votes-add-up": r"\bmajority\b.*\bhas (accepted|voted for) the same value\b.*\bchosen\b",
    "promise-is-a-lease": r"\bpromise\b.*\b(expires|runs out|reserves the acceptor)\b",
    "two-phase-commit-with-majority": r"\bpaxos is two-phase commit\b",
    "two-phase-commit-goes-on": r"\btwo-phase commit (survives|goes on)\b",
    "lost-disk-is-a-restart": r"\bempty disk is (just )?a restarted?\b",
    "chosen-means-known": r"\bchosen (when|once|as soon as) the proposer has (received|heard|got)\b",
    "accepted-is-final": r"\bhas accepted a value can never accept\b",
    "leader-crash-needs-2pc": r"\bcrashed leader\b.*\b(rolled back|two-phase commit)\b",
    "leader-is-a-lock": r"\bleader is (like )?a lock\b|\bsafety needs a single leader\b",
    "read-your-copy": r"\breplica may answer reads from its own\b",
    "timeout-means-failed": r"\btimeout\b.*\bso\b.*\bwrite failed\b",
}
NO_LESS = {"accepted-is-final": WRONG}  # its "never" is what is wrong about it
CLAIMS += tuple(
    Claim(id, said, NO_LESS.get(id, DENIED), (REFUTATIONS[id].claim,), (REFUTATIONS[id].instead,))
    for id, said in REFUTED.items()
)


# ---- what is read


def sentences(text):
    """Our own sentences: quoted ones are left out, a paragraph, a bullet and a row of a table end one."""
    for block in re.split(r"\n\s*\n|\n\s*(?=[-*|>]|\d+\.\s)", text):
        flat = re.sub(r"\s+", " ", block.replace("*", "").replace("`", ""))
        flat = re.sub(r'"[^"]{0,300}"|“[^”]{0,300}”', "(…)", flat)
        yield from re.split(r"(?<=[.!?])\s+(?=[A-Z(0-9])", flat)


def notebooks():
    for path in sorted([*TOP.glob("notebooks/*.ipynb"), *TOP.glob("solutions/*.ipynb")]):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                yield f"{path.parent.name}/{path.name} [{cell['id']}]", "".join(cell["source"])


def cards():
    cards = tomllib.loads((TOP / "paxos_lab/teach/interview/cards.toml").read_text(encoding="utf-8"))["card"]
    for card in cards:
        for field in ("answer", "strong"):
            yield f"card {card['id']}, {field}", card[field]


def predictions():
    book = tomllib.loads((TOP / "paxos_lab/teach/lessons/predictions.toml").read_text(encoding="utf-8"))
    for question in book["prediction"]:
        for option in question["option"]:
            right = option["says"] + ". " if option.get("right") else ""
            yield f"prediction {question['key']}", right + option["because"]


def pages():
    for path in [TOP / "README.md", TOP / "exercises/README.md", *sorted(TOP.glob("docs/*.md"))]:
        yield path.name, path.read_text(encoding="utf-8")


def docstrings():
    for path in sorted(TOP.glob("paxos_lab/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (
                said := ast.get_docstring(node)
            ):
                yield f"{path.relative_to(TOP)}, {getattr(node, 'name', 'at the top')}", said


def refutations():
    for one in REFUTATIONS.values():
        yield f"refutation {one.id}", f"{one.look}\n\n{one.instead}"


@cache
def prose():
    sources = (notebooks, cards, predictions, pages, docstrings, refutations)
    return [(place, line) for source in sources for place, text in source() for line in sentences(text)]


def overstated(claim, line):
    return re.search(claim.said, line, re.IGNORECASE) and not re.search(claim.beside, line, re.IGNORECASE)


# ---- the tests


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_is_told_from_what_is_so(claim):
    for text in claim.wrong:
        assert any(overstated(claim, line) for line in sentences(text.replace('"', ""))), text
    for text in claim.right:
        assert not any(overstated(claim, line) for line in sentences(text)), text


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_no_sentence_of_ours_says_it(claim):
    found = [f"{place}: {line}" for place, line in prose() if overstated(claim, line)]
    assert not found, "\n".join(found)


def test_every_refuted_claim_is_looked_for():
    assert set(REFUTED) == set(REFUTATIONS)


def test_all_kinds_of_prose_are_read():
    for source, least in ((notebooks, 400), (cards, 100), (predictions, 150), (pages, 4), (docstrings, 1000)):
        assert len(list(source())) >= least, source.__name__


def test_what_is_quoted_is_not_ours_and_a_sentence_is_not_its_neighbour():
    text = 'It says: "the leader is a lock." That is wrong.\n- One. Two is\n  longer.\n| a | b |'
    assert list(sentences(text)) == ["It says: (…) That is wrong.", "- One.", "Two is longer.", "| a | b |"]


ENGLISH = {
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bletter by letter\b": "character for character",
    r"(?<!there )\b(is|are) no (?!more\b|longer\b|less\b|better\b|worse\b|other\b|one\b|\w+er\b)\w+": "is not a",
    r"^Who (has|had|is|was|hears|answers|reads|wants|does)\b[^?]*$": "Whoever, or: a server that",
    r"\b(messages|writes|delays|round trips?|rows?) an? (command|step|ballot|message)\b": "per",
    r"\bcom(e|es|ing) about\b": "happens",
    r"\bhold(s|ing)? (itself|himself|themselves) for\b": "believe(s) that it is",
    r"\bput them together to\b": "assemble them into",
}


@pytest.mark.parametrize("odd", ENGLISH)
def test_the_english_is_a_native_writers(odd):
    found = [f"{place}: {line}" for place, line in prose() if re.search(odd, line, re.IGNORECASE)]
    assert not found, f"{ENGLISH[odd]}:\n" + "\n".join(found)


def test_the_readme_and_lesson_00_show_the_same_paths():
    def rows(text):
        lines = [line for line in text.splitlines() if re.match(r"\| (an instructor|a candidate) ", line)]
        return [re.sub(r"\((?:\.\./|notebooks/)?", "(", line) for line in lines]

    first = json.loads((TOP / "notebooks/00_start_here.ipynb").read_text(encoding="utf-8"))["cells"]
    page = "\n\n".join("".join(cell["source"]) for cell in first if cell["cell_type"] == "markdown")
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    assert rows(page) == rows(readme) and len(rows(page)) == 2
    lessons = {path.name for path in TOP.glob("notebooks/*.ipynb")} - {"00_start_here.ipynb"}
    assert lessons <= set(re.findall(r"\]\((\d\d_\w+\.ipynb)\)", page))
