"""The commands underneath: `sync`, `watch`, `bind`, `replay`, `prune`, `run`."""
