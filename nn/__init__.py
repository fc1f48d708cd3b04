"""Neurons, layers and networks, made of single scalars."""

from .data import moons
from .layers import MLP, Layer, Neuron
from .module import Module

__all__ = ["MLP", "Layer", "Module", "Neuron", "moons"]
