"""Seeded runs full of faults, and what must hold in each. For lesson 09; else skip it."""
