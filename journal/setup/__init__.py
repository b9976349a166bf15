"""Installing: hooks into an agent's settings, programs into the home, capture on and off.

`install` is the whole of it; `settings_file` merges into an agent's own file, `hook_command` is the
shell text that an agent runs, `service` is the watcher as a user's service, `capture` the switch.
"""
