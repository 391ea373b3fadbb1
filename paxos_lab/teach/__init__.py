"""What turns a run into a lesson: predictions."""

from paxos_lab.teach.predict import Guess, Prediction, forget, guesses, predict, score

__all__ = ["Guess", "Prediction", "forget", "guesses", "predict", "score"]
