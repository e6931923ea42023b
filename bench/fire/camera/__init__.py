"""How well a ridge camera finds fires: the rules over time on given boxes, and our whole detector."""
