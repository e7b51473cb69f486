"""Input files wherever they lie: paths, archives, URLs; compression and text encoding."""
