"""The commands of `laurel`, one file each."""
