"""Annotations that are probably wrong, by pipelines that were not trained on them, and texts that are worth annotating next."""
