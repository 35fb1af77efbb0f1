"""Direct, Post-, Cont- and In-Squeeze of a population, with an option for everything that tuning varies."""

import torch

from population import Population

SOURCE_RANK = 32
WARM_UP_STEPS = 30


def warm_up(done, steps):
    return min(1.0, (done + 1) / steps) if steps else 1.0


def plain(total):
    """Warm-up, constant, then linear to zero over the second half."""
    return lambda step: warm_up(step, WARM_UP_STEPS) * min(1.0, 2 * (total - step) / total)


def constant(step):
    return warm_up(step, WARM_UP_STEPS)


def after_squeeze(begin, end, factor, steps, decays):
    """Warm-up again; in the last stage also linear to zero."""
    return lambda step: factor * warm_up(step - begin, steps) * ((end - step) / (end - begin) if decays else 1.0)


def halvings(rank):
    ranks = [SOURCE_RANK]
    while ranks[-1] > rank:
        ranks.append(max(rank, ranks[-1] // 2))
    return ranks


class Sources:
    """Trainings at the source rank with a constant learning rate, each step of which is done once: stages before the first
    squeeze are the beginning of the same training, whatever the plan."""

    def __init__(self):
        self._reached = {}

    def at(self, task, seeds, rate, step):
        """The population after this many steps, to continue with."""
        reached = self._reached.setdefault((task.name, tuple(seeds), rate), {})
        before = max((done for done in reached if done <= step), default=None)
        if before is None:
            population = Population(task, seeds, [rate] * len(seeds), SOURCE_RANK)
        else:
            population = reached[before].take()
        reached[step] = population.train(step - population.step, constant)
        return reached[step].take()


def direct(task, seeds, rates, rank, total):
    return Population(task, seeds, rates, rank).train(total, plain(total))


def anneal(task, seeds, rate, rank, total, *, share=0.5, power=0.0, hint=False, moments="carry", alpha="keep",
           warm=None, ranks=None, equal=False, squeeze=None, sources=None):
    """In-Squeeze, or with two `ranks` Cont-Squeeze. share: of the steps, at the target rank. The learning rate of a stage is
    the source's times (R/r)^power, or times the hints of all squeezes. equal: stages of equal length and one plain curve,
    as it was before there was a recipe. warm: steps of warm-up after a squeeze; None is the service's rule. squeeze(population, rank): instead of one rank for all modules. sources: shared
    with other plans, but for equal ones."""
    ranks = ranks or halvings(rank)
    early = total // len(ranks) * (len(ranks) - 1) if equal else total - round(total * share)
    ends = [early * (i + 1) // (len(ranks) - 1) for i in range(len(ranks) - 1)] + [total]
    if equal or sources is None:
        population = Population(task, seeds, [rate] * len(seeds), SOURCE_RANK)
    else:
        population = sources.at(task, seeds, rate, ends[0])
    factor, curve = torch.ones(len(seeds)), plain(total)
    for index, (stage_rank, end) in enumerate(zip(ranks, ends)):
        begin, is_last = ([0] + ends)[index], index == len(ranks) - 1
        if index:
            if squeeze is None:
                _, found = population.squeeze(stage_rank, moments, alpha)
            else:
                found = squeeze(population, stage_rank)
            factor = factor * found if hint else torch.full_like(factor, (SOURCE_RANK / stage_rank) ** power)
        if equal:
            population.train(end - begin, lambda step: factor * curve(step))
        else:
            after = min(WARM_UP_STEPS, (end - begin) // 10) if warm is None else warm
            steps = after if index else WARM_UP_STEPS
            population.train(end - population.step, after_squeeze(begin, end, factor, steps, is_last))
    return population
