"""`fischgpt publish RUN`: from a run to its model repositories on the Hugging Face Hub, or only what that would be."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from fischgpt.publish.repositories import Publication, prepare
from fischgpt.publish.upload import Uploader


def publish(
    run: Path,
    owner: str,
    name: str | None = None,
    tag: str | None = None,
    dtype: str = "float32",
    private: bool = False,
    dry_run: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Publish a run, or with `dry_run` say all that would be sent, without network or token.

    Started again it sends only what is missing or has changed. Raises UserError as `prepare` and `Uploader` do.
    """
    run = Path(run)
    # Asked first: a token that is missing is known before minutes of exporting.
    uploader = None if dry_run else Uploader(owner, say, private)
    parent = run if run.is_dir() else None
    with tempfile.TemporaryDirectory(prefix=".publish-", dir=parent) as into:
        publication = prepare(run, owner, Path(into), name, dtype)
        for sentence in publication.left_out:
            say(f"left out: {sentence}")
        if uploader is None:
            _describe(publication, tag, private, say)
            return
        done = [uploader.upload(made, tag) for made in publication.repositories]
    for one in done:
        say(f"{one.repo.page} at {one.tag} ({one.commit[:12]}); fischgpt up --model hf://{one.repo.name}@{one.tag}")
    say(f"collection: {uploader.collect(publication, done)}")


def _describe(publication: Publication, tag: str | None, private: bool, say: Callable[[str], None]) -> None:
    for made in publication.repositories:
        say(f"\n== {made.repo.page}{' (private)' if private else ''}: {made.note}")
        for file in made.files:
            say(f"{file.sha256}  {file.size:>13,}  {file.name}")
        say(
            f"{sum(file.size for file in made.files):>79,}  in {len(made.files)} files; tag {tag or 'the next free vN'}"
        )
        say(f"\n-- README.md\n{made.card}\n-- end of README.md")
    names = ", ".join(made.repo.name for made in publication.repositories)
    say(f"\n== collection {publication.title!r} of {publication.owner}: {names}")
    say("Nothing was sent: this was a dry run.")
