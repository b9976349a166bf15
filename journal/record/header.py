"""The header of a record: what its emitter vouches for, checked."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from journal.record.record import NO_SESSION, SESSION_CHARS

Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Header(BaseModel):
    """The part of a record that its emitter vouches for. Unknown keys are kept, not understood."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    v: Literal[1]
    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    at: Annotated[str, StringConstraints(max_length=40)]
    agent: Name
    event: Name
    session: Annotated[str, StringConstraints(max_length=SESSION_CHARS)] = NO_SESSION
    host: Annotated[str, StringConstraints(max_length=256)] | None = None
    pid: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    entrypoint: Annotated[str, StringConstraints(max_length=128)] | None = None
    attended: bool | None = None
    plan: Annotated[str, StringConstraints(max_length=256)] | None = None
    home: Annotated[str, StringConstraints(max_length=128)] | None = None
    process: Annotated[str, StringConstraints(max_length=128)] | None = None
    git: dict[str, str | None] | None = None
