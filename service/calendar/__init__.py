"""The calendar feed: when plants want water, for apps that sign in with nothing but an address."""
