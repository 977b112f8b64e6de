"""Does a student descend from a teacher: one file a test, listed in TESTS in the order of the report."""

from stillwatch.lineage.agreement import TopAgreement
from stillwatch.lineage.base import LineageTest
from stillwatch.lineage.identity import IdentityLogprobs, IdentitySamples
from stillwatch.lineage.logits import OutputSubspace, TokenRanking
from stillwatch.lineage.mix import Mix
from stillwatch.lineage.order import Order
from stillwatch.lineage.text_keyed import TextKeyed
from stillwatch.lineage.text_unkeyed import TextUnkeyed
from stillwatch.lineage.token_counts import TokenCounts
from stillwatch.lineage.weights_exact import WeightsExact
from stillwatch.lineage.weights_robust import WeightsRobust
from stillwatch.lineage.wire import Wire

TESTS: tuple[LineageTest, ...] = (
    WeightsExact(),
    WeightsRobust(),
    Mix(),
    Wire(),
    TokenCounts(),
    OutputSubspace(),
    TokenRanking(),
    TopAgreement(),
    TextKeyed(),
    TextUnkeyed(),
    Order(),
    IdentitySamples(),
    IdentityLogprobs(),
)
