import pytest
import torch

from neural import data, oracle


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)  # a second thread spins and slows down whatever else the machine does


@pytest.fixture(scope="session")
def digits():
    return data.digits()


@pytest.fixture(scope="session")
def lloyd(digits):
    """The 16-cell k-means codec of the training digits."""
    return oracle.lloyd(digits.train, 4, seed=0)


@pytest.fixture(autouse=True)
def seeded():
    """The weights of every network a test builds: a narrow one drawn without a seed may have all its units off."""
    torch.manual_seed(0)


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)
