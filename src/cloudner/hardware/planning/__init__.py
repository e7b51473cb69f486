"""Estimating: memory, time and price of a training; the settings and the cloud GPU that fit."""
