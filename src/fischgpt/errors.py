"""The one error that is the user's to fix."""


class UserError(ValueError):
    """Something the user got wrong: the message is one clear line that names the thing and the way out.

    Commands print it and exit with status 2, the API answers it with status 400; neither shows a traceback.
    """


class Away(UserError):
    """Another server that the answer needs sleeps, is overloaded or refuses. The API answers it with status 503.

    The message names no host: visitors read it. What happened stands in `detail`, for the owner.
    """

    what: str

    def __init__(self, detail: str) -> None:
        super().__init__(f"the {self.what} behind this site does not answer at the moment; try again in a minute")
        self.detail = detail


class ModelAway(Away):
    """The model is another server's."""

    what = "model"


class IndexAway(Away):
    """The index is another server's."""

    what = "index"
