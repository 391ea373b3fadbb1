"""Experiments that count: rivals, messages, writes. Lessons 07, 10 and 11 show them; a reader may skip the code."""
