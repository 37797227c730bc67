"""OpenAssistant's conversations (arXiv 2304.07327): trees of messages, of which one path each is learned.

The same trees come in three shapes, and all are read: the Hub's parquet and `*.messages.jsonl.gz` hold a message a
record, tied by `parent_id`; `*.trees.jsonl.gz` hold a tree a record, with nested `replies`.

Of a tree, the path that its readers ranked best: at each message the reply of rank 0, up to the last answer. A tree
gives one conversation, so no early turn is learned twice; taking every leaf's path repeats the first turns for every
descendant. Left out: trees that are not `ready_for_export`, messages that are deleted, were rejected by reviewers, or
are in another language, and what hangs on them.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

from fischgpt.chat import Role, Turn
from fischgpt.errors import UserError

LANGUAGE = "en"
_ROLES = {"prompter": "user", "assistant": "assistant"}

Message = dict[str, Any]
Shape = Literal["messages", "trees"]


def shape(record: Message) -> Shape | None:
    """Which of OASST1's shapes a record has, if any."""
    if "message_tree_id" not in record:
        return None
    return "trees" if "prompt" in record else "messages" if "role" in record else None


def conversations(records: Iterable[tuple[str, Message]], language: str = LANGUAGE) -> Iterator[tuple[str, list[Turn]]]:
    """(message_tree_id, turns) of every tree that has an answer, in the order in which the trees begin.

    records: (where it stands, for messages; record), all of one shape. Raises UserError naming where a record is wrong.
    """
    roots: list[tuple[str, Message]] = []
    replies: dict[str, list[Message]] = {}
    for where, record in records:
        try:
            if shape(record) == "trees":
                roots.append((record["message_tree_id"], record["prompt"] | {"tree_state": record.get("tree_state")}))
                _collect(record["prompt"], replies)
            elif record.get("parent_id") is None:  # the jsonl files leave out what is null
                roots.append((record["message_tree_id"], record))
            else:
                replies.setdefault(record["parent_id"], []).append(record)
        except (KeyError, TypeError) as error:
            raise UserError(f"{where}: not a record of OASST1: {error!r}") from None
    for tree, root in roots:
        if root.get("tree_state") == "ready_for_export":
            turns = _best_path(root, replies, language)
            if turns:
                yield tree, turns


def _collect(message: Message, replies: dict[str, list[Message]]) -> None:
    for reply in message.get("replies") or []:
        replies.setdefault(message["message_id"], []).append(reply)
        _collect(reply, replies)


def _best_path(root: Message, replies: dict[str, list[Message]], language: str) -> list[Turn]:
    turns: list[Turn] = []
    at: Message | None = root if _usable(root, language) else None
    while at is not None:
        turns.append(Turn(cast(Role, _ROLES[at["role"]]), at["text"]))
        usable = [reply for reply in replies.get(at.get("message_id", ""), []) if _usable(reply, language)]
        at = min(usable, key=_order, default=None)
        if at is not None and _ROLES[at["role"]] == turns[-1].role:  # never in the data set; never into a model
            break
    if turns and turns[-1].role == "user":
        turns.pop()
    return turns


def _usable(message: Message, language: str) -> bool:
    return (
        message.get("role") in _ROLES
        and message.get("lang") == language
        and not message.get("deleted")
        and message.get("review_result") is not False
        and bool((message.get("text") or "").strip())
    )


def _order(message: Message) -> tuple[bool, float, str, str]:
    """Rank 0 first. Messages that nobody ranked come after all that were, the oldest first: a message without any
    brother has no rank, and one that came late lost no comparison but won none either."""
    rank = message.get("rank")
    return rank is None, rank or 0, str(message.get("created_date") or ""), str(message.get("message_id"))
