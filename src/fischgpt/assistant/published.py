"""`hf://owner/name[@revision]`: a model on the Hugging Face Hub, verified, in the Hub's own cache (HF_HOME).

transformers shares that cache: what one has downloaded the other finds. Without a network, or with HF_HUB_OFFLINE set,
what is in it is used. Nothing but the files below is ever asked for, so no pickle and no code.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from fischgpt.errors import UserError
from fischgpt.hub import Repo, Unreachable, library, patiently
from fischgpt.resources import sha256_file

HF = "hf://"
WEIGHTS = "model.safetensors"
SUMS = "SHA256SUMS"
"""Of every other file, as `sha256sum` writes and checks them: part of what `fischgpt publish` uploads."""
FILES = (
    *("config.json", "generation_config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"),
    *("chat_template.jinja", "vocab.json", "merges.txt", "card.json", "run.json", "README.md", "LICENSE", SUMS),
)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Published:
    """A repository, and which revision of it: a branch, a tag or a commit."""

    repo: Repo
    revision: str | None

    def __str__(self) -> str:
        return f"{HF}{self.repo.name}" + (f"@{self.revision}" if self.revision else "")


def parse(spec: str) -> Published:
    """`hf://ada/tiny@v1` -> Published. Raises UserError."""
    match = re.fullmatch(r"hf://([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?/?", spec)
    if match is None:
        raise UserError(f"{spec!r} is not hf://OWNER/NAME or hf://OWNER/NAME@REVISION")
    return Published(Repo(match[1]), match[2])


def download(spec: str) -> Path:
    """The folder with the model's files, each with the sum the Hub gives for it.

    Says on stderr which commit it is, unless the spec says so. Raises UserError for a repository that is not there,
    holds no safetensors, or gives other bytes than it lists twice; Unreachable if neither it nor a copy can be had.
    """
    wanted = parse(spec)
    folder = _snapshot(wanted)
    names = {file.path for file in library().get_cached_repo_tree(wanted.repo.name, revision=folder.name)}
    if WEIGHTS not in names:
        raise UserError(_why_no_weights(wanted, names))
    for file in sorted(folder.iterdir()):
        if file.name in FILES and (wrong := _damage(file)):
            _again(wanted, folder.name, file, wrong)
    _check_sums(wanted, folder)
    if not _COMMIT.fullmatch(wanted.revision or ""):
        print(f"{wanted} is at commit {folder.name}; {HF}{wanted.repo.name}@COMMIT keeps to it", file=sys.stderr)
    return folder


def _snapshot(wanted: Published) -> Path:
    hub = library()
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()

    def ask() -> str:
        try:
            return hub.snapshot_download(
                wanted.repo.name,
                revision=wanted.revision,
                allow_patterns=list(FILES),
                endpoint=hub.constants.ENDPOINT,
                cache_dir=hub.constants.HF_HUB_CACHE,
            )
        except LocalEntryNotFoundError as error:
            if isinstance(error.__cause__, HfHubHTTPError):
                raise error.__cause__ from None
            raise Unreachable(
                f"{wanted} is not in the cache ({hub.constants.HF_HUB_CACHE}), and {hub.constants.ENDPOINT} cannot be "
                f"reached ({type(error.__cause__).__name__}); check the network, HF_HUB_OFFLINE and HF_ENDPOINT"
            ) from None

    return Path(patiently(ask, wanted.repo))


def _damage(file: Path) -> str | None:
    """What is wrong with a file of the cache, where each lies under the name of the sum that the Hub lists: sha256 for
    large ones, git's for small ones. A cache without links (Windows) does not tell."""
    from huggingface_hub.utils.sha import git_hash

    expected = file.resolve().name
    if len(expected) == 64:
        actual = sha256_file(file)
    elif len(expected) == 40:
        actual = git_hash(file.read_bytes())
    else:
        return None
    return None if actual == expected else f"came with the sum {actual}, expected {expected}"


def _again(wanted: Published, commit: str, file: Path, wrong: str) -> None:
    """Download one file once more. Raises UserError if it is still wrong."""
    hub = library()
    name = wanted.repo.name

    def ask() -> None:
        where = {"endpoint": hub.constants.ENDPOINT, "cache_dir": hub.constants.HF_HUB_CACHE}
        hub.hf_hub_download(name, file.name, revision=commit, force_download=True, **where)

    try:
        patiently(ask, wanted.repo, file.name)
    except Unreachable:
        raise Unreachable(f"{file} is damaged ({wrong}), and {hub.constants.ENDPOINT} cannot be reached") from None
    if still := _damage(file):
        raise UserError(
            f"{wanted}: {file.name} {still}, twice; it is not opened; if HF_ENDPOINT names a mirror, try another"
        )


def _check_sums(wanted: Published, folder: Path) -> None:
    """Raises UserError if a file is not what SHA256SUMS, where there is one, says was published."""
    if not (folder / SUMS).is_file():
        return
    for line in (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines():
        expected, _, name = line.partition("  ")
        file = folder / name
        if name not in FILES or name == "README.md" or not file.is_file():  # a card may be edited on its page
            continue
        # A large file lies under its sum, and `_damage` has just compared the two: it is not read again.
        kept = file.resolve().name
        if (kept if len(kept) == 64 else sha256_file(file)) != expected:
            raise UserError(
                f"{wanted}: {name} was changed since it was published: it is not what {SUMS} lists; take an earlier "
                f"revision, or ask its owner ({wanted.repo.page}/commits)"
            )


def _why_no_weights(wanted: Published, names: set[str]) -> str:
    pickles = sorted(name for name in names if name.endswith(_PICKLES))
    if pickles:
        return (
            f"{wanted} has its weights as a pickle alone ({pickles[0]}), which can run code when it is opened; it was "
            f"not downloaded. Its owner can add {WEIGHTS}: https://huggingface.co/spaces/safetensors/convert makes a "
            "pull request with it, which @refs/pr/NUMBER names"
        )
    if f"{WEIGHTS}.index.json" in names:
        return f"{wanted} has its weights in several files, which is not supported; save them as one {WEIGHTS}"
    return f"{wanted} has no {WEIGHTS}: it is no model, or one for other programs"
