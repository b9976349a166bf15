"""Installing: hooks into agents' files, programs into the home, capture on and off.

`install` does it all; `programs` copies the hook programs, `agent_versions` asks agents for theirs,
`hooks_file` is the file in which an agent finds our hooks,
`settings_file` merges into one that is the agent's own, `hook_command` is the shell text that an
agent runs, `service` is the watcher as a user's service, `capture` the switch. What differs from
agent to agent is in `journal/agents/<agent>/install.py`.
"""
