"""How a member wants to be told: what reaches their devices, when, how often, and what of it together."""
