"""Learn it: predictions, checks of what you write, the interview. Lessons call it; a reader may skip the code."""

from paxos_lab.teach.exercises.answer import Answer
from paxos_lab.teach.exercises.checking import check
from paxos_lab.teach.exercises.hints import hint
from paxos_lab.teach.exercises.one_value.e14_interview import WHITEBOARD
from paxos_lab.teach.exercises.record import export_progress, progress, reset_progress
from paxos_lab.teach.exercises.the_log.e09_replicated import your_storm
from paxos_lab.teach.exercises.the_log.e11_batching import under_load
from paxos_lab.teach.interview.cards import Flashcard
from paxos_lab.teach.interview.deck import Deck
from paxos_lab.teach.interview.drills.catalogue import drill
from paxos_lab.teach.interview.interview_box import MockInterview
from paxos_lab.teach.interview.refutations import refute
from paxos_lab.teach.interview.whiteboard import Whiteboard
from paxos_lab.teach.lessons.adversary import AdversaryGame
from paxos_lab.teach.lessons.gallery import Card, MutationGallery
from paxos_lab.teach.lessons.guess_book import Guess, forget, guesses, score
from paxos_lab.teach.lessons.predictions import Prediction, predict
from paxos_lab.verify.wrong.claims import REFUTATIONS
from paxos_lab.verify.wrong.runs import phase_1, phase_2

__all__ = [
    "REFUTATIONS",
    "WHITEBOARD",
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
    "phase_1",
    "phase_2",
    "predict",
    "progress",
    "refute",
    "reset_progress",
    "score",
    "under_load",
    "your_storm",
]
