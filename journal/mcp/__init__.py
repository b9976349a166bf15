"""What agents ask: an MCP server on stdio that reads the journal and changes nothing.

An answer is a frame of quoted records with their ids and times. Stored text cannot close it, and
the whole answer never exceeds its bound. Read arguments, frame, quoting, then answers and server.
The SDK is imported by `server` alone: it takes longer to load than a search takes.
"""
