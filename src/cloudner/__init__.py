"""cloudner: train and run transformer NER inside spaCy."""

__version__ = "0.1.0"
