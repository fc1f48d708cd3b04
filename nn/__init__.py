"""Neurons, layers, networks and losses, made of single scalars."""

from . import data, diagnose, init, optim
from .data import moons
from .layers import (
    ELU,
    MLP,
    BatchNorm1d,
    Layer,
    LeakyReLU,
    Linear,
    Neuron,
    ReLU,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)
from .losses import BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss, MSELoss
from .module import Module
from .train import train

__all__ = [
    "ELU", "MLP", "BCEWithLogitsLoss", "BatchNorm1d", "CrossEntropyLoss", "HingeLoss", "Layer",
    "LeakyReLU", "Linear", "MSELoss", "Module", "Neuron", "ReLU", "Sequential", "Sigmoid",
    "Softplus", "Tanh", "data", "diagnose", "init", "moons", "optim",
    "train",
]  # fmt: skip
