"""How devices get into the registry: what people may state of one, and files of many."""
