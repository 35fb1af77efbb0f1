"""The learning rate, the same function of the step for every method."""

WARM_UP_STEPS = 50
#: Where the fall to zero begins.
DECAY_FROM = 0.75


def learning_rate(step: int, total_steps: int, peak: float) -> float:
    """Rises over WARM_UP_STEPS, stays at its peak, and falls in a line to zero over the last quarter."""
    rising = min(1.0, (step + 1) / WARM_UP_STEPS)
    falling = min(1.0, (total_steps - step) / (total_steps * (1 - DECAY_FROM)))
    return peak * rising * falling
