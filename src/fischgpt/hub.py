"""The Hugging Face Hub: what may pass is tried again, what does not is one clear line.

HF_ENDPOINT names a mirror; HF_TOKEN, or `hf auth login`, opens what is private: huggingface_hub reads both. The token
is never held, shown or written here: of an error its status is told, not the text of the library or of the server.
"""

import errno
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from fischgpt.errors import UserError

TRIES = 5
"""Of a request that failed for a passing reason, with 1, 2, 4 and 8 seconds between them."""
T = TypeVar("T")


class Unreachable(UserError):
    """The Hub does not answer, or must not be asked (HF_HUB_OFFLINE)."""


@dataclass(frozen=True)
class Repo:
    """A repository, `owner/name`, or an account."""

    name: str
    kind: Literal["model", "data set", "account"] = "model"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def page(self) -> str:
        """Its address in a browser."""
        return f"{library().constants.ENDPOINT}/{'datasets/' if self.kind == 'data set' else ''}{self.name}"


def library() -> Any:
    """huggingface_hub, imported when it is needed; its names are made at run time, unknown to type checkers."""
    import huggingface_hub
    from huggingface_hub.utils import disable_progress_bars, logging

    disable_progress_bars("huggingface_hub.http_get")  # we show our own
    logging.set_verbosity_error()  # its warnings hold addresses that are signed for whoever reads them
    return huggingface_hub


def patiently(
    work: Callable[[], T],
    repo: Repo,
    path: str = "",
    part: Path | None = None,
    refused: Callable[[int], str | None] = lambda status: None,
    tries: int = TRIES,
) -> T:
    """`work`, again after a pause where the fault may pass; other faults become a UserError of one line.

    path: the file it is about, part: where its bytes go; refused: what to say of a status, where the caller knows more.
    Raises Unreachable when the Hub cannot be had.
    """
    hub = library()
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    endpoint = hub.constants.ENDPOINT
    what = f"{path} of {repo}" if path else str(repo)
    reason = ""
    for attempt in range(1, tries + 1):
        try:
            return work()
        except errors.OfflineModeIsEnabled:
            raise Unreachable(
                f"{what} is on the Hub, and HF_HUB_OFFLINE is set; unset it, or name a folder with its files instead"
            ) from None
        except (errors.HfHubHTTPError, httpx.HTTPError, OSError, RuntimeError, ValueError) as raised:
            error = _cause(raised)
            if isinstance(error, errors.HfHubHTTPError):
                status = error.response.status_code
                if status == 416 and part is not None:  # what is on disk is no beginning of the file
                    part.unlink(missing_ok=True)
                elif said := refused(status) or _final(error, repo, path, what):
                    raise UserError(said) from None
                reason = f"{endpoint} answered {status} for {what}"
            elif isinstance(error, httpx.HTTPError):
                reason = f"{endpoint} cannot be reached for {what} ({error!r})"
            elif isinstance(error, OSError):
                if error.errno in (errno.ENOSPC, errno.EDQUOT) and part is not None:
                    free = shutil.disk_usage(part.parent).free
                    raise UserError(
                        f"the disk is full at {part} ({free / 1e9:.1f} GB free); free some, go on"
                    ) from None
                if error.errno is not None:
                    raise UserError(f"{what}: {error}") from None
                reason = f"{what} did not come whole ({' '.join(str(error).split())})"  # hub's check of the length
            elif isinstance(error, RuntimeError):  # the compiled client of the Hub's storage knows no finer one
                reason = f"the Hub's storage cannot be reached for {what} ({type(error).__name__})"
            else:
                raise
        if attempt < tries:
            time.sleep(2 ** (attempt - 1))
    raise Unreachable(f"{reason}, {tries} times; check the network, or set HF_ENDPOINT to a mirror; then start again")


def _cause(error: BaseException) -> BaseException:
    """What the library met, where it wrapped that in another error."""
    while isinstance(error, RuntimeError | ValueError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _final(error: Any, repo: Repo, path: str, what: str) -> str | None:
    """What to say of an answer that will not change by asking again; None if it may."""
    from huggingface_hub import errors

    endpoint, status = library().constants.ENDPOINT, error.response.status_code
    if isinstance(error, errors.GatedRepoError):
        return f"{what} is gated: accept its terms on {repo.page} and set HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{endpoint} knows no {repo}, or does not show it without HF_TOKEN (status {status})"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repo} has no such revision; see {repo.page}/commits"
    if isinstance(error, errors.EntryNotFoundError):
        return f"{repo} has no {path}; see {repo.page}/tree/main"
    if status not in (408, 429) and status < 500:
        return f"{endpoint} refused {what} with status {status}; check HF_TOKEN"
    return None
