"""
Recipes and infrastructure in, groups of accounts that might be a campaign out.

Nothing here accuses anyone: sharing a recipe is ordinary. The groups are what the evidence is asked about.
"""

from stillwatch.candidates import gather, graph, hyperedges, incidence
from stillwatch.candidates.planting import Planted, plant
from stillwatch.engine.base import Engine
from stillwatch.settings import CandidateSettings


def find(engine: Engine, settings: CandidateSettings) -> int:
    """
    Write GROUPS, GROUP_TOKENS, GROUP_ACCOUNTS, GROUP_EXCHANGES and MODELS; returns the number of groups.

    Works on SIGNATURES, RECIPES and USES. Cost: linear in exchanges and in (account, token) pairs; no account × account join.
    """
    matrix = incidence.load(engine)
    groups = hyperedges.find(engine, matrix.accounts, settings.min_accounts)
    groups += hyperedges.cells(engine, matrix.accounts, settings.min_accounts)
    if matrix.n_accounts >= settings.min_accounts:
        groups += graph.find(matrix, settings)
    return gather.gather(engine, groups, matrix.accounts, settings)


__all__ = ["Planted", "find", "plant"]
