"""The small corpus, written once a session."""

from pathlib import Path

import pytest
from tests.planting import a_corpus


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of some hundred conversations."""
    return a_corpus(tmp_path_factory.mktemp("corpus"))
