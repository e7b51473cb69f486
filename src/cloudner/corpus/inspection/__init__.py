"""What is in a corpus: statistics, duplicates, suspect annotations, and the page that shows them."""
