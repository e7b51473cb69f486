"""What only a file as a whole shows, told from its first records and applied to all of them."""
