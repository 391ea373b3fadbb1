"""What turns a run into a lesson: predictions, a gallery of wrong rules, a game against them."""

from paxos_lab.teach.adversary import AdversaryGame
from paxos_lab.teach.gallery import Card, MutationGallery
from paxos_lab.teach.predict import Guess, Prediction, forget, guesses, predict, score

__all__ = [
    "AdversaryGame",
    "Card",
    "Guess",
    "MutationGallery",
    "Prediction",
    "forget",
    "guesses",
    "predict",
    "score",
]
