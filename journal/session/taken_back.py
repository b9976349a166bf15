"""Which turns of a conversation a person took back, and which of their edits were undone."""

from collections.abc import Sequence

from journal.session.meaning import Author, Kind
from journal.session.mentions import Mention
from journal.session.parts import is_part


def mark_taken_back(merged: list[Mention]) -> None:
    """Mark turns before a prompt whose number goes back, or with the parent of another prompt.

    Parallel calls branch a transcript, too, so nothing but prompts counts.
    """
    standing: list[tuple[int, Mention]] = []
    for index, one in enumerate(merged):
        if one.kind is not Kind.PROMPT or one.subagent or one.inherited:
            continue
        start = _taken_back_from(standing, one)
        if start is not None:
            _take_back(merged, standing[start][0], index, one.turn)
            del standing[start:]
        standing.append((index, one))
    _undo_edits(merged)


def _taken_back_from(standing: list[tuple[int, Mention]], prompt: Mention) -> int | None:
    """The number of the first prompt that was taken back; None if none was."""
    for number, (_, before) in enumerate(standing):
        if prompt.turn_index and before.turn_index >= prompt.turn_index:
            return number
        known = not (prompt.turn_index and before.turn_index)
        if known and prompt.parent and before.parent == prompt.parent:
            return number
    return _unnumbered_from(standing, prompt) if prompt.turn_index else None


def _unnumbered_from(standing: list[tuple[int, Mention]], prompt: Mention) -> int | None:
    """Prompts that only hooks report have no number: those beyond the new one's were taken back."""
    turns = dict.fromkeys(one.turn for _, one in standing if one.by != Author.MACHINE)
    beyond = list(turns)[prompt.turn_index - 1 :]
    if not beyond or not beyond[0] or is_part(beyond[0]):
        return None
    numbers = [number for number, (_, one) in enumerate(standing) if one.turn in beyond]
    is_known = any(standing[number][1].turn_index for number in range(numbers[0], len(standing)))
    return None if is_known else numbers[0]


def _take_back(merged: list[Mention], start: int, end: int, turn: str) -> None:
    """What the turns did and said before that one; starts and ends of the session itself stay."""
    for one in merged[start:end]:
        if turn and one.turn == turn:
            return
        if one.kind in (Kind.SESSION_START, Kind.SESSION_END):
            continue
        if one.kind is not Kind.FILES or one.item != merged[end].item:  # else of the new prompt
            one.taken_back = True


def _undo_edits(merged: list[Mention]) -> None:
    """A file that was changed in a taken-back turn is as before if the next snapshot says so."""
    if not any(one.taken_back for one in merged):
        return
    known: dict[str, str | None] = {}
    for index, one in enumerate(merged):
        if one.files is not None:
            known |= one.files
        elif one.taken_back and one.edited:
            one.undone = _is_restored(merged[index:], one.edited, known)


def _is_restored(later: Sequence[Mention], path: str, known: dict[str, str | None]) -> bool:
    for one in later:
        if one.files is None or one.taken_back:
            continue
        for name, backup in one.files.items():
            if path == name or path.endswith(f"/{name}"):
                return backup is None or backup == _known_backup(known, path)
    return False


def _known_backup(known: dict[str, str | None], path: str) -> str | None:
    for name, backup in known.items():
        if path == name or path.endswith(f"/{name}"):
            return backup
    return None
