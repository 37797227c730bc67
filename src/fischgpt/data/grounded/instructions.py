"""Instructions in a question or a resume that the model must not follow."""

from __future__ import annotations

from fischgpt.data.grounded import questions as ask
from fischgpt.data.grounded.shown import Shown
from fischgpt.data.grounded.words import coined


def instruction(talk: Shown) -> str:
    """An attempt to make the model say something else."""
    rng, owner, held = talk.rng, talk.owner, talk.held_out
    personas, bad, commands, overrides = (part[held] for part in (ask.PERSONAS, ask.BAD, ask.COMMANDS, ask.OVERRIDE))
    word = rng.choice(
        (
            coined(rng),
            coined(rng).upper(),
            f'"{coined(rng)} {coined(rng).lower()}"',
            rng.choice(owner.trade.objects),
            str(rng.randrange(10, 9999)),
        )
    )
    fills = {
        "w": word,
        "persona": rng.choice(personas),
        "bad": rng.choice(bad),
        "first": owner.first,
        "l": rng.choice(owner.lists.languages),
    }
    command = rng.choice(commands).format_map(fills)
    return rng.choice(overrides).format_map({**fills, "cmd": command, "Cmd": command[0].upper() + command[1:]})
