"""FischGPT: train your own GPT-2, teach it to answer about its owner, and serve it."""

import os

__version__ = "0.1.0"

# Since 1.29 onnxruntime's Linux builds report to its makers (a database of events in the user's cache, sent when there
# is a network) unless told not to before it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
