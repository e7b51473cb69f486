"""Scores: gold documents beside predicted ones, strict scores, mistakes, confidence, significance."""
