"""What clients saw: is it linearizable, and if not, which reply shows it? For lesson 09; skip it otherwise."""
