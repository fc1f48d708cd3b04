"""What PyTorch has and nn has not is an error that says what to write."""

import re

import pytest

import nn
from nn.elsewhere import HINTS

OWNERS = {
    "nn": nn, "nn.init": nn.init, "nn.optim": nn.optim,
    "nn.optim.lr_scheduler": nn.optim.lr_scheduler, "Module": nn.ReLU(),
}  # fmt: skip


@pytest.mark.parametrize("owner", HINTS)
def test_every_hint_is_reached_by_its_name(owner):
    for name, hint in HINTS[owner].items():
        with pytest.raises(AttributeError, match=f"has no {name}: {re.escape(hint)}"):
            getattr(OWNERS[owner], name)
    assert not hasattr(nn.ReLU(), "to")


def test_a_hint_says_which_module_has_no_such_name():
    with pytest.raises(AttributeError, match=r"^ReLU has no cuda: every number is a Python float"):
        nn.ReLU().cuda()
    with pytest.raises(AttributeError, match=r"^nn\.init has no ones_: constant_"):
        nn.init.ones_([nn.Linear(1, 1)])


def test_names_that_nobody_has_are_pythons_own_errors():
    class Net(nn.Module):
        @property
        def width(self):
            return self.hiden

    for owner, name, said in (
        (nn, "Linaer", "module 'nn' has no attribute 'Linaer'"),
        (nn.init, "zeroes_", "module 'nn.init' has no attribute 'zeroes_'"),
        (nn.ReLU(), "foo", "'ReLU' object has no attribute 'foo'"),
        (Net(), "width", "'Net' object has no attribute 'hiden'"),
    ):
        with pytest.raises(AttributeError, match=f"^{said}$") as caught:
            getattr(owner, name)
        assert caught.value.obj is owner  # Python looks there for "Did you mean"
