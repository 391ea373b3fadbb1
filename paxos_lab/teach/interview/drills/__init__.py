"""Drills without end, graded by the roles themselves. A reader of the course may skip it."""
