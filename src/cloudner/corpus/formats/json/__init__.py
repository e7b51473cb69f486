"""Exports of annotation tools and services as JSON, and what reads JSON in pieces."""
