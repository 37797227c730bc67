"""What a careful engineer would say about a plan before starting it."""

from fischgpt.plan.kinds import Option, Phases, row_tokens
from fischgpt.train.hardware import Device

HOURS_AT_RISK = 1.0
"""Between two checkpoints."""
TOO_MUCH = 0.05
"""Of the time, for one kind of evaluation."""


def recipe_warnings(phases: Phases, corpus: float | None) -> list[str]:
    """What is wrong or wasteful on any device."""
    said = []
    for name, recipe in phases:
        train, T = recipe.train, row_tokens(recipe)
        if name == "pretrain" and train.tokens_per_step % T:
            said.append(f"train.tokens_per_step {train.tokens_per_step:,} is no multiple of a row of {T:,} tokens")
        if recipe.optim.warmup_steps >= train.steps:
            said.append(
                f"{name}: the warm-up of {recipe.optim.warmup_steps:,} steps is as long as the run of {train.steps:,}"
            )
    tokens = phases.pretrain.train.steps * phases.pretrain.train.tokens_per_step
    if corpus and tokens > 4 * corpus:
        said.append(
            f"{tokens / corpus:.1f} epochs over {corpus / 1e9:.3g}B tokens: beyond 4, repeated text teaches "
            "less and less (Muennighoff et al. 2023, arXiv 2305.16264); take more data"
        )
    return said


def option_warnings(phases: Phases, device: Device, option: Option, useful: float) -> list[str]:
    """What is wrong or wasteful on this device. useful: the part of the work that is not waiting."""
    said, train = [], phases.pretrain.train
    pretrain = option.phases[0]
    if option.memory.total > option.memory_bytes:
        said.append(
            f"{option.micro_batch} rows want {option.memory.total / 1e9:.1f} GB of {option.memory_bytes / 1e9:.0f}; "
            + (f"train.micro_batch={option.largest_micro_batch} fits" if option.largest_micro_batch else "not one fits")
        )
    if useful < 0.98:
        said.append(
            f"{100 * (1 - useful):.0f} % is waiting: {train.tokens_per_step:,} tokens do not come out even in "
            f"micro-batches of {option.micro_batch} rows on {option.count}; change train.micro_batch"
        )
    if device.kind == "cuda" and not train.compile:
        said.append("train.compile is off: with it the same run takes a third less time")
    if device.kind != "cpu" and phases.pretrain.model.n_embd < 768:
        said.append("the share of the peak is that of 124M; a smaller model does not fill a GPU and reaches less")
    if device.kind == "mps":
        said.append("a Mac's GPU must be asked for with train.device=mps, and was not tried")
    if option.count > 8:
        said.append("more than 8 GPUs are several machines: the figure supposes 400 Gbit/s between them or better")
    elif option.count > 1 and device.name.startswith("RTX"):
        said.append("these cards have no NVLink: expect 10 to 20 % less")
    for name, seconds in (("validation", pretrain.validation), ("HellaSwag", pretrain.hellaswag)):
        if seconds > TOO_MUCH * pretrain.seconds:
            said.append(f"{name} takes {100 * seconds / pretrain.seconds:.0f} % of pretraining; do it less often")
    apart = pretrain.seconds / pretrain.steps * train.checkpoint_every / 3600
    if apart > HOURS_AT_RISK:
        said.append(f"a kill costs up to {apart:.1f} hours; lower train.checkpoint_every")
    return said
