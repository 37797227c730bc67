"""The one error that is the user's to fix."""


class UserError(ValueError):
    """Something the user got wrong: the message is one clear line that names the thing and the way out.

    Commands print it and exit with status 2, the API answers it with status 400; neither shows a traceback.
    """
