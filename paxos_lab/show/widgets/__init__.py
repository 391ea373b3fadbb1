"""What one clicks on: stepper, grids, labs. Import from `paxos_lab.show`; a reader may skip the code."""
