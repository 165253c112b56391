"""Networks that are trained here: generators of pictures."""
