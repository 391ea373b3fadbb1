"""Every step as an English sentence, with no Jupyter and no Graphviz. A reader of the course may skip it."""
