"""The views: tables derived from facts, each module the only writer of its own."""
