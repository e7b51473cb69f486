"""Training from a config: what `cloudner train` does."""

from cloudner.training.checkpoint_options import CheckpointOptions
from cloudner.training.resolution import Resolution, resolve, settings_rows
from cloudner.training.run import train

__all__ = ["CheckpointOptions", "Resolution", "resolve", "settings_rows", "train"]
