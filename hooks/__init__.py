"""What the agent runs: the emitter and the program of SessionStart. Standard library only."""
