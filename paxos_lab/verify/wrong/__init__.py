"""Rules taken away one by one, and right variants beside them. For lesson 06; else skip it."""
