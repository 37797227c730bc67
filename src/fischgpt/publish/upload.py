"""Repositories to the Hub: created, compared, one commit each with only what differs, tagged, put into a collection.

A commit is whole or not there, and a large file that has arrived is not sent again; so after a broken connection the
same command goes on.
"""

import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fischgpt.assistant.published import SUMS
from fischgpt.errors import UserError
from fischgpt.hub import Repo, library, patiently
from fischgpt.publish.repositories import File, Publication, Repository

OURS = {SUMS, "card.json"}
"""What tells a repository that this package has published from another."""
UNTOUCHED = {".gitattributes"}
BEGUN = {".gitattributes", "README.md", "LICENSE"}
"""All that may be in a repository that was only created, on its page perhaps."""


@dataclass(frozen=True)
class Uploaded:
    """One repository as it stands on the Hub now."""

    repo: Repo
    commit: str
    tag: str
    sent: list[str]
    """Files that were missing or differed."""
    kept: int
    """Files that were there already."""


@dataclass(frozen=True)
class _Remote:
    """A repository at one commit."""

    head: str
    files: dict[str, tuple[int, str]]
    """Size and sum: sha256 of large files, git's of small ones."""


class Uploader:
    """Writes as the token's owner. The token comes from HF_TOKEN or `hf auth login`, and stays in the library."""

    def __init__(self, owner: str, say: Callable[[str], None], private: bool = False) -> None:
        """Raises UserError if there is no token, the Hub does not accept it, or it may not write to `owner`'s."""
        hub = library()
        if hub.get_token() is None:
            raise UserError(
                "publishing needs a token that may write (https://huggingface.co/settings/tokens): `hf auth login`, or "
                "set HF_TOKEN; --dry-run needs none"
            )
        self._owner, self._say, self._private = owner, say, private
        self._api: Any = hub.HfApi(endpoint=hub.constants.ENDPOINT)
        who = self._ask(self._api.whoami, Repo(owner, "account"))
        names = [who["name"], *(org["name"] for org in who.get("orgs", ()))]
        if owner not in names:
            raise UserError(
                f"the token is {who['name']}'s and may not publish as {owner!r}; it may as {', '.join(names)}"
            )

    def upload(self, made: Repository, tag: str | None = None) -> Uploaded:
        """Bring a repository to what was made, and tag it: `tag`, or the next free vN unless it has one.

        Raises UserError, with nothing changed, if it holds what this package did not publish, or if the tag is another
        commit's.
        """
        name = made.repo.name
        self._ask(lambda: self._api.create_repo(name, private=self._private or None, exist_ok=True), made.repo)
        tags = self._tags(made.repo)

        def bring() -> tuple[str, list[str]]:
            # Compared anew at each attempt: a commit whose answer was lost is there.
            remote = self._remote(made.repo)
            self._check_ours(made, remote)
            changed = [file for file in made.files if not _is_there(made.folder / file.name, file, remote)]
            gone = self._obsolete(made, remote)
            if tag in tags and (changed or gone or tags[tag] != remote.head):
                raise UserError(
                    f"{made.repo} has a tag {tag} already, for other content ({tags[tag][:12]}); nothing was changed; "
                    "choose another --tag: what somebody pinned must not change"
                )
            if not changed and not gone:
                return remote.head, []
            size = sum(file.size for file in changed)
            kept = len(made.files) - len(changed)
            there = f", {kept} are there already" if kept else ""
            self._say(f"{name}: uploading {len(changed)} files, {size / 1e6:.1f} MB{there}")
            return self._commit(made, remote.head, changed, gone), [file.name for file in changed]

        head, sent = self._ask(bring, made.repo)
        kept = len(made.files) - len(sent)
        if not sent:
            self._say(f"{name}: all {kept} files are there already")
        return Uploaded(made.repo, head, self._tag(made.repo, head, tag, tags), sent, kept)

    def collect(self, publication: Publication, done: list[Uploaded]) -> str:
        """Put the repositories into one collection, made if it is not there; its address."""
        about = Repo(publication.owner, "account")
        text = "GPT-2 models trained from scratch with FischGPT, in the order they were made"

        def make() -> Any:
            return self._api.create_collection(
                publication.title,
                namespace=publication.owner,
                description=text,
                private=self._private,
                exists_ok=True,
            )

        slug = self._ask(make, about).slug
        notes = {made.repo: made.note for made in publication.repositories}
        for one in done:

            def add(name: str = one.repo.name, note: str = notes[one.repo]) -> Any:
                return self._api.add_collection_item(slug, name, "model", note=note, exists_ok=True)

            self._ask(add, one.repo)
        return f"{library().constants.ENDPOINT}/collections/{slug}"

    def _remote(self, repo: Repo) -> _Remote:
        hub = library()
        head = self._api.repo_info(repo.name).sha
        entries = self._api.list_repo_tree(repo.name, recursive=True, revision=head)
        files = [entry for entry in entries if isinstance(entry, hub.RepoFile)]
        sums = {file.path: (file.size, file.lfs.sha256 if file.lfs else file.blob_id) for file in files}
        return _Remote(head, sums)

    def _check_ours(self, made: Repository, remote: _Remote) -> None:
        names = set(remote.files)
        if names >= OURS or names <= BEGUN:
            return
        held = ", ".join(sorted(names - UNTOUCHED)[:3])
        raise UserError(
            f"{made.repo} exists already and holds what fischgpt did not publish ({held}); nothing was changed. Choose "
            f"another --name, or delete it on {made.repo.page}/settings"
        )

    def _obsolete(self, made: Repository, remote: _Remote) -> list[str]:
        """Files of an earlier publication that this one no longer has. What somebody else added stays."""
        if SUMS not in remote.files:
            return []
        with tempfile.TemporaryDirectory() as folder:
            file = self._api.hf_hub_download(made.repo.name, SUMS, revision=remote.head, local_dir=folder)
            lines = Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
        before = {line.partition("  ")[2] for line in lines}
        return sorted((before & set(remote.files)) - {file.name for file in made.files})

    def _commit(self, made: Repository, head: str, changed: list[File], gone: list[str]) -> str:
        hub = library()
        operations = [hub.CommitOperationAdd(file.name, str(made.folder / file.name)) for file in changed]
        operations += [hub.CommitOperationDelete(name) for name in gone]
        try:
            message = f"{made.repo.name.partition('/')[2]}, published with fischgpt"
            return self._api.create_commit(
                made.repo.name, operations, commit_message=message, commit_description=made.note, parent_commit=head
            ).oid
        except ValueError as error:
            if "metadata" in str(error):
                said = " ".join(str(error).split())
                raise UserError(f"the Hub does not take the card of {made.repo}: {said}") from None
            raise

    def _tags(self, repo: Repo) -> dict[str, str]:
        refs = self._ask(lambda: self._api.list_repo_refs(repo.name), repo)
        return {ref.name: ref.target_commit for ref in refs.tags}

    def _tag(self, repo: Repo, head: str, wanted: str | None, tags: dict[str, str]) -> str:
        numbers = [int(match[1]) for name in tags if (match := re.fullmatch(r"v(\d+)", name))]
        latest = max(numbers, default=0)
        if wanted is None:
            wanted = f"v{latest}" if tags.get(f"v{latest}") == head else f"v{latest + 1}"
        if wanted not in tags:
            self._ask(lambda: self._api.create_tag(repo.name, tag=wanted, revision=head, exist_ok=True), repo)
        return wanted

    def _ask(self, work: Callable[[], Any], repo: Repo) -> Any:
        def refused(status: int) -> str | None:
            endpoint = library().constants.ENDPOINT
            return {
                401: f"{endpoint} does not accept the token; make one (https://huggingface.co/settings/tokens), then "
                "`hf auth login` or HF_TOKEN",
                403: f"{endpoint} does not let the token write to {repo}; it needs the right to write to "
                f"{self._owner}'s repositories and collections",
                412: f"{repo} was changed by somebody else meanwhile; nothing was overwritten; start again",
            }.get(status)

        return patiently(work, repo, refused=refused)


def _is_there(path: Path, file: File, remote: _Remote) -> bool:
    size, known = remote.files.get(file.name, (-1, ""))
    if size != file.size:
        return False
    if len(known) == 64:
        return known == file.sha256
    from huggingface_hub.utils.sha import git_hash

    return known == git_hash(path.read_bytes())
