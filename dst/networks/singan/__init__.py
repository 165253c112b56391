"""SinGAN: a pyramid of generators, each trained against a critic of patches on one picture (Shaham, Dekel and Michaeli 2019)."""
