"""How well what falls from a façade is found, and what is wrongly taken for it."""
