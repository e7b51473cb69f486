"""Pieces: written aside, put in place whole, recognised as complete."""
