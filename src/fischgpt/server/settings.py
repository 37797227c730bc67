"""What the owner decides about a server beside profile and model: from the environment, where secrets belong."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fischgpt.errors import UserError
from fischgpt.resources import data_dir

MIN_KEY = 16
"""Shortest key taken: 16 random characters cannot be guessed over a network."""
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True)
class Settings:
    """All of it optional."""

    slots: int = 8
    """`FISCHGPT_SLOTS`: answers computed at once."""
    max_tokens: int = 6144
    """`FISCHGPT_TOKENS`: tokens of all answers that are written at once, prompts included and each as long as it may
    become; at least one full context. A token takes 8 KB of memory with `mini`, 37 KB with GPT-2's 124M."""
    queue: int = 16
    """`FISCHGPT_QUEUE`: how many more may wait."""
    deadline_s: float = 60.0
    """`FISCHGPT_DEADLINE`: the longest an answer may take, waiting included."""
    rate: int = 60
    """`FISCHGPT_RATE`: requests a minute that one visitor may send; 0: any number."""
    inspect_rate: int = 120
    """`FISCHGPT_INSPECT_RATE`: texts and layers a minute that one visitor may look inside of, beside `rate`."""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    """`FISCHGPT_PROXIES`: addresses or networks whose X-Forwarded-For is believed, separated by commas."""
    owner_key: str = ""
    """`FISCHGPT_OWNER_KEY`: allows to change documents and to read metrics from afar. Empty: nobody may."""
    api_keys: tuple[str, ...] = ()
    """`FISCHGPT_API_KEYS`: if any are given, `/v1` answers only to one of them (or the owner's)."""
    keep_questions: bool = False
    """`FISCHGPT_KEEP_QUESTIONS`: store question and answer with a visitor's thumb, to train on."""
    data: Path = field(default_factory=data_dir)
    """`FISCHGPT_DATA`: the folder of feedback and uploaded documents."""


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment. Raises UserError that names the variable and what it may be."""
    base = Settings()

    def number(name: str, default: int, low: int, high: int) -> int:
        raw = environment.get(name, "").strip()
        if not raw:
            return default
        if not re.fullmatch(r"\d{1,9}", raw) or not low <= int(raw) <= high:
            raise UserError(f"{name} must be a whole number from {low} to {high}, not {raw!r}")
        return int(raw)

    def several(name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in environment.get(name, "").split(",") if part.strip())

    owner_key, api_keys = environment.get("FISCHGPT_OWNER_KEY", "").strip(), several("FISCHGPT_API_KEYS")
    for name, keys in (("FISCHGPT_OWNER_KEY", [owner_key] if owner_key else []), ("FISCHGPT_API_KEYS", api_keys)):
        if any(len(key) < MIN_KEY or not key.isascii() or not key.isprintable() or " " in key for key in keys):
            raise UserError(
                f"{name}: a key has at least {MIN_KEY} ASCII characters and no space; make one with "
                "`python -c 'import secrets; print(secrets.token_urlsafe())'`"
            )
    proxies = several("FISCHGPT_PROXIES") or base.proxies
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy, strict=False)
        except ValueError:
            raise UserError(f"FISCHGPT_PROXIES: {proxy!r} is no address or network such as 10.0.0.0/8") from None
    keep = environment.get("FISCHGPT_KEEP_QUESTIONS", "").strip().casefold()
    if keep not in _YES | _NO:
        raise UserError(f"FISCHGPT_KEEP_QUESTIONS must be 1 or 0, not {keep!r}")
    return Settings(
        slots=number("FISCHGPT_SLOTS", base.slots, 1, 256),
        max_tokens=number("FISCHGPT_TOKENS", base.max_tokens, 1, 10_000_000),
        queue=number("FISCHGPT_QUEUE", base.queue, 0, 10_000),
        deadline_s=float(number("FISCHGPT_DEADLINE", int(base.deadline_s), 1, 3600)),
        rate=number("FISCHGPT_RATE", base.rate, 0, 1_000_000),
        inspect_rate=number("FISCHGPT_INSPECT_RATE", base.inspect_rate, 0, 1_000_000),
        proxies=proxies,
        owner_key=owner_key,
        api_keys=api_keys,
        keep_questions=keep in _YES,
        data=data_dir(),
    )
