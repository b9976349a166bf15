"""Run a hook by its path: `python -I -S HOME/hooks/run.py HOME AGENT EVENT [durable]`.

Commands that an older version installed do; those of this version bring these lines with them
(journal/setup/hook_command.py). A few lines only, because a program run by path is compiled each
time; the modules it imports from its own folder are not, and that is 2 ms of the agent's time.
"""

import sys

sys.path.insert(0, __file__.rpartition("/hooks/")[0])

if __name__ == "__main__":
    for prefix in (sys.pycache_prefix, "/dev/null"):
        # A full disk leaves modules that are compiled in part, and Python < 3.12.8 trusts them.
        sys.pycache_prefix = prefix
        try:
            if sys.argv[3] == "SessionStart":
                from hooks.start import main
            else:
                from hooks.emit import main
            break
        except EOFError:
            continue
    main(sys.argv)
