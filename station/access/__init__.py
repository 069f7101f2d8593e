"""Who may do what at the page: accounts, sessions, one holder of control, and the trail of what was changed."""
