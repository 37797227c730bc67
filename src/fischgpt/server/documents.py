"""Texts the owner adds to a running site: each becomes passages beside the resume's, and stays after a restart."""

import hashlib
import re
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fischgpt.errors import UserError
from fischgpt.profile.passages import Passage, passages_from_resume
from fischgpt.profile.profile import Profile
from fischgpt.profile.resume import read_resume
from fischgpt.profile.text import clean

MAX_DOCUMENTS = 100
MAX_PASSAGES = 2000
"""Of all documents together: embedding them takes about 10 s."""
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Document:
    """One added text."""

    id: str
    title: str
    passages: tuple[Passage, ...]

    def as_dict(self) -> dict[str, Any]:
        """For the API."""
        return {"id": self.id, "title": self.title, "passages": [passage.id for passage in self.passages]}


class Documents:
    """A folder of Markdown files, one a document, its title the first heading."""

    def __init__(self, folder: Path, base: Profile) -> None:
        """base: the owner without documents. Files that no longer hold a fact are left out."""
        self.folder, self.base = folder, base
        self.lock = threading.Lock()
        """Held while documents and index change together."""
        self._documents: dict[str, Document] = {}
        for file in sorted(folder.glob("*.md")) if folder.is_dir() else []:
            try:
                document = _read(file, base)
            except UserError:
                continue
            self._documents[document.id] = document

    def all(self) -> list[Document]:
        """The documents, in the order of their ids."""
        return [self._documents[id_] for id_ in sorted(self._documents)]

    def profile(self) -> Profile:
        """The owner with the documents' passages after the resume's."""
        added = [passage for document in self.all() for passage in document.passages]
        if not added:
            return self.base
        told = "\0".join([self.base.fingerprint, *(f"{passage.id}\0{passage.render()}" for passage in added)])
        fingerprint = hashlib.sha256(told.encode()).hexdigest()
        return replace(self.base, passages=[*self.base.passages, *added], fingerprint=fingerprint)

    def add(self, title: str, text: str) -> Document:
        """Store a document. Equal content is stored once. Raises UserError for one without a fact, or too many."""
        title = clean(title, 80)
        if not title:
            raise UserError("title: it is empty")
        id_ = hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:12]
        if id_ in self._documents:
            return self._documents[id_]
        if len(self._documents) >= MAX_DOCUMENTS:
            raise UserError(f"at most {MAX_DOCUMENTS} documents are kept: delete one first")
        self.folder.mkdir(parents=True, exist_ok=True)
        file, torn = self.folder / f"{id_}.md", self.folder / f".{id_}.md"
        torn.write_text(f"# {title}\n\n{text}\n", "utf-8")
        try:
            document = _read(torn, self.base)
            known = sum(len(other.passages) for other in self._documents.values())
            if known + len(document.passages) > MAX_PASSAGES:
                raise UserError(f"at most {MAX_PASSAGES} passages are kept: delete a document first")
            torn.rename(file)
        finally:
            torn.unlink(missing_ok=True)
        self._documents[id_] = document
        return document

    def remove(self, id_: str) -> bool:
        """Forget a document; False when there is none of this id."""
        if not _ID.fullmatch(id_) or id_ not in self._documents:
            return False
        (self.folder / f"{id_}.md").unlink(missing_ok=True)
        del self._documents[id_]
        return True


def _read(file: Path, base: Profile) -> Document:
    id_ = file.stem.removeprefix(".")
    resume = read_resume(file)
    title = clean((resume.get("basics") or {}).get("name"), 80) or id_
    passages = tuple(
        # An entry's id ends before its second dash (Passage.entry), so the document's has none.
        replace(
            passage,
            id=passage.id.replace("-", f"_{id_}-", 1),
            organisation=passage.organisation or ("" if title == base.name else title),
        )
        for passage in passages_from_resume(resume, ())
    )
    if not passages:
        raise UserError("the document holds no fact to answer from: write sentences, or headings with bullets")
    return Document(id_, title, passages)
