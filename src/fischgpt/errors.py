"""The one error that is the user's to fix."""


class UserError(ValueError):
    """Something the user got wrong: the message is one clear line that names the thing and the way out.

    Commands print it and exit with status 2, the API answers it with status 400; neither shows a traceback.
    """


class ModelAway(UserError):
    """The model is another server's, and that one sleeps, is overloaded or refuses. The API answers it with status 503.

    The message names no host: visitors read it. What happened stands in `detail`, for the owner.
    """

    def __init__(self, detail: str) -> None:
        super().__init__("the model behind this site does not answer at the moment; try again in a minute")
        self.detail = detail
