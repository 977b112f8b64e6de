"""
Recipes and infrastructure in, groups of accounts that might be a campaign out.

Nothing here accuses anyone: sharing a recipe is ordinary. The groups are what the evidence is asked about.
"""

from concurrent.futures import ThreadPoolExecutor

from stillwatch.candidates import gather, graph, hyperedges, incidence
from stillwatch.candidates.planting import Planted, plant
from stillwatch.candidates.uses import Uses
from stillwatch.engine.base import Engine
from stillwatch.settings import CandidateSettings


def find(engine: Engine, settings: CandidateSettings) -> int:
    """
    Write GROUPS, GROUP_TOKENS, GROUP_ACCOUNTS, GROUP_EXCHANGES and MODELS; returns the number of groups.

    Works on SIGNATURES, RECIPES and USES. Cost: linear in exchanges and in (account, token) pairs; no account × account join.
    """
    accounts = incidence.accounts_of(engine)
    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(gather.Looked.at, engine, accounts, settings)  # depends on no group
        uses = Uses.load(engine, accounts)
        groups = hyperedges.find(uses, settings.min_accounts)
        groups += hyperedges.cells(engine, accounts, settings.min_accounts)
        if len(accounts) >= settings.min_accounts:
            groups += graph.find(incidence.load(engine, uses), settings)
        return gather.gather(engine, groups, looked.result(), settings)


__all__ = ["Planted", "find", "plant"]
