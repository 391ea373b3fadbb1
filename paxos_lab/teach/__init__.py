"""What turns a run into a lesson: predictions, a gallery of wrong rules, checks of what you write."""

from paxos_lab.teach.adversary import AdversaryGame
from paxos_lab.teach.answer import Answer
from paxos_lab.teach.cards import Flashcard
from paxos_lab.teach.check import check
from paxos_lab.teach.deck import Deck
from paxos_lab.teach.drills import drill
from paxos_lab.teach.gallery import Card, MutationGallery
from paxos_lab.teach.hints import hint
from paxos_lab.teach.mock_interview import MockInterview
from paxos_lab.teach.predict import Guess, Prediction, forget, guesses, predict, score
from paxos_lab.teach.progress import export_progress, progress, reset_progress
from paxos_lab.teach.refutations import REFUTATIONS, refute
from paxos_lab.teach.whiteboard import Whiteboard

__all__ = [
    "REFUTATIONS",
    "AdversaryGame",
    "Answer",
    "Card",
    "Deck",
    "Flashcard",
    "Guess",
    "MockInterview",
    "MutationGallery",
    "Prediction",
    "Whiteboard",
    "check",
    "drill",
    "export_progress",
    "forget",
    "guesses",
    "hint",
    "predict",
    "progress",
    "refute",
    "reset_progress",
    "score",
]
