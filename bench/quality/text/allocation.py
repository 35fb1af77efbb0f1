"""Ranks by module: how to share out the parameters that one rank for all modules would take."""

import heapq

from population import SIZES

COSTS = [rows + columns for rows, columns in SIZES]


def share_out(singular_values, budget, power, floor=1):
    """Ranks of one training's modules. Greedy: next comes the direction with the most energy, divided by the energy of its
    module to a power (0: energy of the whole adapter, 1: relative to the module), per parameter. singular_values: of each
    module; budget: parameters; floor: rank that every module has."""
    energies = [[value**2 for value in values] for values in singular_values]
    weights = [sum(each) ** power * cost for each, cost in zip(energies, COSTS)]
    ranks, left = [floor] * len(COSTS), budget - floor * sum(COSTS)
    best = [(-energies[i][floor] / weights[i], i) for i in range(len(COSTS)) if floor < len(energies[i])]
    heapq.heapify(best)
    while best:
        _, i = heapq.heappop(best)
        if COSTS[i] > left:
            continue
        ranks[i], left = ranks[i] + 1, left - COSTS[i]
        if ranks[i] < len(energies[i]):
            heapq.heappush(best, (-energies[i][ranks[i]] / weights[i], i))
    return ranks


def same_tolerance(singular_values, budget):
    """Ranks of one training's modules: the smallest error, relative to its own norm, that all of them can keep."""
    shares = []
    for values in singular_values:
        total, kept = sum(value**2 for value in values), 0.0
        shares.append([(kept := kept + value**2) / total for value in values])

    def ranks(energy):
        return [next((k + 1 for k, share in enumerate(each) if share >= energy), len(each)) for each in shares]

    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        fits = sum(rank * cost for rank, cost in zip(ranks(middle), COSTS)) <= budget
        low, high = (middle, high) if fits else (low, middle)
    return ranks(low)


def ranks_by_module(population, rank, power, floor=1):
    """Of every training its modules' ranks, [P][modules]; together no more parameters than `rank` for all takes."""
    spectra = [values.tolist() for _, values, _ in population.spectra()]
    return [share_out([module[p] for module in spectra], rank * sum(COSTS), power, floor) for p in range(len(population))]


def squeeze_by_module(power):
    """For `anneal`: shares the ranks of every stage out by module."""
    return lambda population, rank: population.squeeze(ranks_by_module(population, rank, power))[1]
