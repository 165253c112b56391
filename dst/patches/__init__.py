"""Pictures from the patches of one image."""
