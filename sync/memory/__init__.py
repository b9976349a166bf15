"""Memory agents: who gives a session its memory id, and who may improve its summary."""
