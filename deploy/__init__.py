"""Files that installations are made from."""
