"""The server's log: one JSON object a line for programs, a short line for people at a terminal. Never a question."""

import json
import logging
import os
import sys
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """time, level, logger, message and whatever was logged with `extra={"fields": {...}}`; a line break in a value
    stays inside its string."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True, default=str)


def install() -> None:
    """Log to stderr: lines for people if it is a terminal, else JSON; FISCHGPT_LOG=json or text decides otherwise."""
    wanted = os.environ.get("FISCHGPT_LOG", "").strip().casefold()
    as_json = wanted == "json" or (wanted != "text" and not sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if as_json else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "openai", "chromadb"):  # they name URLs and, at DEBUG, what was sent
        logging.getLogger(chatty).setLevel(logging.WARNING)
