"""From sessions to a remote: pieces are cut, wait in `retry/`, are sent, and get a receipt.

Read `deliveries` (one run), then `cutting`, `retry_queue`, `sending`, `circuit_breaker`,
`receipts`. A piece's retry file is on the disk before its first send and goes after its receipt
is in the journal. `redact_before_send` applies the current rules once more.
"""
