"""Every campaign shape and every benign look-alike that a world can hold."""

from stillwatch.worlds.draft import Part
from stillwatch.worlds.look_alikes.agents import Agents
from stillwatch.worlds.look_alikes.app import App
from stillwatch.worlds.look_alikes.batch import Batch
from stillwatch.worlds.look_alikes.chat import ChatUsers
from stillwatch.worlds.look_alikes.classroom import Classroom
from stillwatch.worlds.look_alikes.eval_harness import EvalHarness
from stillwatch.worlds.look_alikes.framework import Framework
from stillwatch.worlds.look_alikes.gateway import GatewayKey
from stillwatch.worlds.look_alikes.licensed import Licensed
from stillwatch.worlds.look_alikes.organisation import Organisation
from stillwatch.worlds.look_alikes.stateless import StatelessClients
from stillwatch.worlds.look_alikes.synthetic_data import SyntheticData
from stillwatch.worlds.look_alikes.viral import Viral
from stillwatch.worlds.shapes.agentic import Agentic
from stillwatch.worlds.shapes.elicitation import Elicitation
from stillwatch.worlds.shapes.hidden import Hidden
from stillwatch.worlds.shapes.hydra import Hydra
from stillwatch.worlds.shapes.judge import Judge
from stillwatch.worlds.shapes.poison import Poison
from stillwatch.worlds.shapes.relay import Relay
from stillwatch.worlds.shapes.replay import Replay
from stillwatch.worlds.shapes.split import Split
from stillwatch.worlds.shapes.technique_search import TechniqueSearch
from stillwatch.worlds.shapes.through_gateway import ThroughGateway
from stillwatch.worlds.shapes.trace_cleaning import TraceCleaning

SHAPES: tuple[type[Part], ...] = (
    Hydra,
    Split,
    Elicitation,
    Agentic,
    Hidden,
    Judge,
    Poison,
    Relay,
    Replay,
    TechniqueSearch,
    ThroughGateway,
    TraceCleaning,
)
LOOK_ALIKES: tuple[type[Part], ...] = (
    ChatUsers,
    Framework,
    EvalHarness,
    Classroom,
    Viral,
    Batch,
    Organisation,
    GatewayKey,
    App,
    SyntheticData,
    Licensed,
    Agents,
    StatelessClients,
)
PARTS: dict[str, type[Part]] = {part.kind: part for part in LOOK_ALIKES + SHAPES}
