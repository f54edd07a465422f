"""Shows and mends what people are told: the items of the outbox, and the dead letters of the functions."""
