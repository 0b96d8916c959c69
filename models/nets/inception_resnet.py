"""Inception-ResNet v1 as facenet-pytorch defines it, for its published weights.

Source: the class of facenet-pytorch (MIT), a port of davidsandberg/facenet (MIT). Only the class
is used: its own loader fetches files unasked, without a sum, and unpickles them.
"""

from torch import nn

DIM = 512


def make_inception_resnet() -> nn.Module:
    """Make the net with random weights and without a classifier.

    Returns:
        A module from float (N, 3, 160, 160) to (N, 512) of unit length, in training mode.
    """
    from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

    net: nn.Module = InceptionResnetV1(pretrained=None, classify=False)
    return net
