"""Other protocols on the same contract as Paxos, to be run side by side with it."""
