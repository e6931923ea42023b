"""How well fires are found, and how often what is none is taken for one."""
