"""Predictions, the gallery of wrong rules, the adversary game. A reader of the course may skip it."""
