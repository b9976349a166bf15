"""The team archive on PostgreSQL as a remote: many people and machines, one database.

Promises: a record arrives exactly once, however often it is sent; every wait is bounded, and what
is given up is cancelled on the server; no password is in a file, a log or an error.

To read in this order: address (what the configuration says), connection (one session with the
server, bounded in time), errors (what went wrong, in the words of the contract), migrations (the
schema, which also decides who sees what), piece (the body of a piece), store (one transaction for
many pieces), remote (what the contract asks for).
"""
