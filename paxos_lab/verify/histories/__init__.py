"""What clients saw: is it linearizable, and if not, whose answer shows it? For lesson 09; else skip it."""
