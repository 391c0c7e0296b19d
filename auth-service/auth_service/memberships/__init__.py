"""Who belongs to which workspace, and as what: the tables, and reading them."""
