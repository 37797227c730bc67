"""What a careful engineer would do next, by what a run shows."""

from fischgpt.evals.curves import smooth
from fischgpt.evals.record import TITLES, PhaseRecord, RunRecord, n_params
from fischgpt.evals.words import median, number

Step = tuple[str, str]
"""(command, or an override for one; why)"""
CHINCHILLA = 20
"""Training tokens per parameter that balance the two for a given compute (Hoffmann et al. 2022, arXiv 2203.15556)."""


def next_steps(record: RunRecord) -> list[Step]:
    """Commands and why, the most urgent first; a run that is going on or stopped gets no further than that."""
    run = record.path
    steps: list[Step] = []
    for phase in record.phases:
        name, recipe = TITLES[phase.name].lower(), run / phase.name / "recipe.toml"
        if phase.state in ("running", "stopped"):
            worry = unstable(phase)
            if phase.state == "running":
                steps.append((f"fischgpt report {run}", f"{name} is still going on; write this page again later"))
            else:
                why = f"{name} stopped at step {phase.steps:,}; this continues it from its last checkpoint"
                steps.append((f"fischgpt {phase.name} {recipe}", why))
            if worry:
                steps.append((f"fischgpt {phase.name} {recipe} run={run}-next {worry[0]}", worry[1]))
            return steps
        if phase.state == "not started":
            steps.append((f"fischgpt {phase.name} RECIPE run={run}", f"{name} comes next; RECIPE is the run's own"))
            break
    for task in ("loss", "hellaswag", "profile"):
        if task not in record.evals:
            steps.append((f"fischgpt eval {run} --task {task}", "not measured yet"))
    pretrain = record.phases[0]
    again = f"fischgpt pretrain {run / 'pretrain' / 'recipe.toml'} run={run}-next"
    found = [verdict for verdict in (unstable(pretrain), diagnosis(pretrain), at_chance(record)) if verdict]
    steps += [(f"{again} {override}", why) for override, why in found]
    steps.append((f"fischgpt up --model {run}", "chat with it"))
    return steps


def diagnosis(phase: PhaseRecord) -> Step | None:
    """What the validation curve asks for: fewer steps when it rises, more when it still falls."""
    curve = [loss for _, loss in phase.curve("val_loss")]
    if len(curve) < 4:
        return None
    lowest = min(curve)
    if curve[-1] > lowest * 1.01:
        return f"train.steps={phase.best_val[0] if phase.best_val else phase.steps}", (
            f"validation loss rose from {lowest:.3f} to {curve[-1]:.3f} at the end: it learns the text by heart; "
            "stop earlier, or add sources"
        )
    before = curve[-1 - max(1, len(curve) // 4)]
    if before - curve[-1] > 0.01 * before:
        return f"train.steps={2 * phase.recipe.train.steps}", (
            f"validation loss still fell from {before:.3f} to {curve[-1]:.3f} over the last quarter: train longer"
        )
    return None


def unstable(phase: PhaseRecord) -> Step | None:
    """Signs of a learning rate that is too high: the training loss went up, batches were skipped, gradients jump."""
    line = [y for _, y in smooth(phase.curve("loss"))]
    warm = [y for step, y in phase.curve("grad_norm") if step > phase.recipe.optim.warmup_steps]
    middle = median(warm)
    jumps = sum(y > 5 * middle for y in warm) if middle else 0
    signs = []
    if len(line) >= 20 and line[-1] > 1.05 * min(line):
        signs.append(f"the training loss rose from {min(line):.3f} to {line[-1]:.3f}")
    if phase.troubles:
        signs.append(f"{len(phase.troubles)} batches were skipped or gone back over")
    if len(warm) >= 100 and jumps > 0.01 * len(warm):
        signs.append(f"{jumps} of {len(warm):,} gradients were over five times the usual size")
    if not signs:
        return None
    lr = phase.recipe.optim.lr / 2
    return f"optim.lr={number(lr)}", f"{'; '.join(signs)}: signs of a learning rate that is too high; half of it"


def at_chance(record: RunRecord) -> Step | None:
    """HellaSwag no better than guessing, and far fewer tokens than the size would want."""
    result, tokens = record.evals.get("hellaswag"), record.phases[0].last("tokens") or 0
    if not result or result["acc_norm_token"] > 0.25 + 2 * result["acc_norm_token_stderr"]:
        return None
    share = tokens / n_params(record)
    if share >= CHINCHILLA:
        return None
    steps = round(CHINCHILLA / max(share, 1e-9) * record.phases[0].steps)
    return f"train.steps={steps}", (
        f"HellaSwag is what guessing gets, after {share:.1f} tokens a parameter; {CHINCHILLA} are balanced "
        "(Hoffmann et al. 2022). Data and steps change that, no other setting will"
    )
