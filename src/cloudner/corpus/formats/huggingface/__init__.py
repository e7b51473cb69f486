"""Rows of Hugging Face data sets: JSON lines, Parquet, Arrow, and objects in memory."""
