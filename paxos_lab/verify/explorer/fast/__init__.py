"""The same search made fast. Nobody needs to open this folder to follow the course."""
