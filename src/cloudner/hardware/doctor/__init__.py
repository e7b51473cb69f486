"""Judging: what is wrong with a machine for training, and the command that repairs it."""
