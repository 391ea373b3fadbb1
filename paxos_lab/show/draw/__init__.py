"""Graphviz pictures and charts. To use one, import it from `paxos_lab.show`; a reader may skip the code."""
