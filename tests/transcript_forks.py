"""Forks: transcripts that begin as another session's.

`--fork-session` (cli) copies the records with their uuids and times and rewrites the session id and
the entry point; `/branch` also names the record it copied (`forkedFrom`); the SDK's fork does so
and gives uuids of its own. Ids of messages and calls stay. Sub-agents' files are not copied, nor
are records without uuid.
"""

from transcript_records import Record, Talk
from transcript_truth import Session, is_kept


def fork(source: Session, before: Talk, session: Session, talk: Talk, how: str) -> None:
    """Begin as another session: its records up to the last turn, and what is known of these."""
    records = [record for record in before.records if "uuid" in record]
    asked = {prompt.uuid for prompt in source.prompts}
    prompts = [at for at, record in enumerate(records) if record["uuid"] in asked]
    records = records[: prompts[-1] if len(prompts) > 1 else len(records)]
    talk.cwd, talk.branch, talk.version = before.cwd, before.branch, before.version
    talk.at_us = source.ended_us + talk.chance.randrange(1, 5 * 3_600) * 1_000_000
    talk.entrypoint = "sdk-cli" if how == "cli" else talk.entrypoint
    session.path = source.path.with_name(session.path.name)
    session.cwd, session.forked, session.how = source.cwd, source.id, how
    session.started_us = source.started_us
    renamed = {one["uuid"]: talk.unique() if how == "sdk" else one["uuid"] for one in records}
    for record in records:
        copy = {**record, "uuid": renamed[record["uuid"]], "sessionId": session.id}
        copy["parentUuid"] = renamed.get(record["parentUuid"], record["parentUuid"])
        copy["entrypoint"] = talk.entrypoint
        if how != "cli":
            copy["forkedFrom"] = {"sessionId": source.id, "messageUuid": record["uuid"]}
        talk.records.append(copy)
    talk.parent = talk.records[-1]["uuid"]
    session.copies = frozenset(renamed.values())
    session.copied = sum(map(is_kept, talk.records))
    _inherit(source, session, records, renamed)


def _inherit(
    source: Session, session: Session, records: list[Record], renamed: dict[str, str]
) -> None:
    messages = [one["message"] for one in records if "message" in one]
    ids = {message.get("id") for message in messages}
    blocks = [b for m in messages if isinstance(m["content"], list) for b in m["content"]]
    ids |= {block.get("id") for block in blocks}
    session.prompts = [
        one._replace(uuid=renamed[one.uuid], copied=True)
        for one in source.prompts
        if one.uuid in renamed
    ]
    session.answers = [
        one._replace(uuid=renamed[one.uuid], copied=True)
        for one in source.answers
        if one.uuid in renamed
    ]
    session.calls = [one._replace(copied=True) for one in source.calls if one.id in ids]
    session.used = [one._replace(copied=True) for one in source.used if one.message in ids]
    session.failures = source.failures[: sum("isApiErrorMessage" in one for one in records)]
