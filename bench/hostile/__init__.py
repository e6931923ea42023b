"""A hostile evening: everything that a stranger, or a device with a credential of its own, may try.

Honest devices publish readings with QoS 1 all the while; what they wait for each acknowledgement is measured
before and meanwhile, and at the end every reading of theirs must be stored once.
"""
