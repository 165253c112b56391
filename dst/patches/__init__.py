"""Pictures from the patches of one: nearest patches and sliced distributions of patches, coarse to fine."""
