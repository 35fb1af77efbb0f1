"""The learning rate over the steps."""


def warm_up_and_decay(step: int, total_steps: int, warm_up_steps: int, decay_share: float) -> float:
    """Rises during the warm-up, stays constant, and falls linearly to zero over the last share of all steps."""
    rising = min(1.0, (step + 1) / warm_up_steps)
    falling = min(1.0, (total_steps - step) / (total_steps * decay_share))
    return rising * falling
