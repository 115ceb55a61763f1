"""What files say, derived again, kind by kind; nothing here imports what makes them."""
