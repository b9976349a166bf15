"""Closed days become packs; what is older than its limit is deleted.

`packing`, `draft` and `pack_file` make packs, `packed_days` removes the day's folder afterwards;
`prune_plan` only looks, `prune` acts on the plan.
"""
