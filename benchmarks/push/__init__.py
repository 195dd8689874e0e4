"""What push workers come to: how soon a purchase is on its way to a phone, how many pushes a second, in what memory."""
