"""Ways to reach people: what each service is asked over the wire, and what it answers."""
