"""Questions that are answered by training several times, or by looking at new data: learning curve, drift."""
