"""The hostile evening, a little of each: nothing gets in or through, nothing of the honest is lost."""

import pytest

from bench.hostile.evening import spend
from bench.hostile.target import installation
from bench.hostile.trying import QUICK
from gridwatch.broker_config import find_plugin


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_nothing_that_is_tried_gets_through_and_the_honest_lose_nothing() -> None:
    if find_plugin() is None:
        pytest.skip("needs Mosquitto with its dynamic security plugin: make setup says how")
    with installation() as target:
        evening = spend(target, QUICK)
    assert [one for one in evening.tried if not one.held] == []
    assert evening.failed == []
    assert evening.stored == evening.sent > 0
    assert evening.same_broker
