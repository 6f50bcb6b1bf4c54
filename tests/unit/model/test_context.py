"""The default model of a `with` block (API.md)."""

import textwrap

import pytest

import xsim as xs
from xsim.errors import ModelContextError
from xsim.model.context import model_or_default


@pytest.fixture
def model():
    """Give an empty model."""
    return xs.Model({})


def test_default_model(model):
    """Inside the block the model is the default, and another one may be given by hand."""
    other = xs.Model({})

    with model as entered:
        assert entered is model
        assert model_or_default(None) is model
        assert model_or_default(other) is other


def assert_no_default():
    with pytest.raises(ModelContextError) as error:
        model_or_default(None)

    assert (
        str(error.value)
        == textwrap.dedent(
            """
            No model found in context
              remedy: give model=..., or call this in a 'with model:' block
            """
        ).strip()
    )


def test_no_default_model(model):
    """Outside the block there is no default, also after an error in the block."""
    assert_no_default()
    with model:
        pass
    assert_no_default()
    with pytest.raises(ZeroDivisionError), model:
        _ = 1 / 0
    assert_no_default()


def test_nested_blocks(model):
    """One block at a time; the outer one stays in place after the attempt."""
    with model:
        with pytest.raises(ModelContextError) as error, xs.Model({}):
            pass
        assert model_or_default(None) is model

    assert (
        str(error.value)
        == textwrap.dedent(
            """
            There is already a model object in context
              got: <xsim.Model (0 processes, 0 inputs)>
              remedy: leave the other 'with model:' block first
            """
        ).strip()
    )
    assert_no_default()


def test_block_again(model):
    """A model can be the default again later."""
    for _ in range(2):
        with model:
            assert model_or_default(None) is model
