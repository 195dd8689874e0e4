"""What Laurel is measured against: the same home query by the book, by hand, and no query at all."""
