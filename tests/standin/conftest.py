"""The stand-in that the tests of this folder share: started once, emptied for each."""

from collections.abc import Iterator

import pytest

from tray_bridge.standin import StandIn


@pytest.fixture(scope="session")
def running_standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def standin(running_standin: StandIn) -> StandIn:
    running_standin.clear()
    return running_standin
