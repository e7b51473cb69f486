"""Predictions beside gold: metrics, calibration, errors, the HTML report, training logs."""
