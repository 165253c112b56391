"""Many runs: a table of pairs with resume and a report, and a grid of images over two options."""
