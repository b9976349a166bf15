"""What a home asks of the team archive beyond deliveries: reading, pulling, deleting, sharing.

Promises: the server decides who sees what, no filter here is needed for it; every question is
bounded in time, and a server that is away is one clear line.

To read in this order: archive (the connection), conditions (filters as SQL), listing, records (a
session put together again from what the archive holds), search, pulling, deletion, administration.
"""
