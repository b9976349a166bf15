"""What the rules of redaction are called, without the rules: a command that looks loads no more."""

import json
import re
from collections.abc import Sequence

from journal.errors import UsageError

RULES_VERSION = 4  # raised with every change of what is redacted: what is stored is then older
OFF = "off"  # the rules of a redactor that is not enabled


def name(key: bytes, patterns: Sequence[str], allow: Sequence[str], *, enabled: bool) -> str:
    """Their version, and for the user's own expressions a keyed digest.

    The user's expressions may spell a secret out, so that only the key reveals which ones they are.
    """
    if not enabled:
        return OFF
    if not patterns and not allow:
        return f"{RULES_VERSION}"
    from hashlib import sha256  # slow to load: few people have expressions of their own
    from hmac import new

    own = json.dumps([[*patterns], [*allow]]).encode()
    return f"{RULES_VERSION}-{new(key, own, sha256).hexdigest()[:12]}"


def compiled(expressions: Sequence[str], setting: str) -> list[re.Pattern[str]]:
    """The user's expressions of one setting. UsageError: one is not valid."""
    found = []
    for one in expressions:
        try:
            found.append(re.compile(one))
        except re.error as error:
            hint = f"correct it in {setting} of the configuration"
            message = f"{setting}: {one!r} is not a valid regular expression: {error}"
            raise UsageError(message, hint) from error
    return found
