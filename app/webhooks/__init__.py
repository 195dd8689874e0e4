"""Webhooks: other systems are sent what members are told, by the Standard Webhooks specification."""
