"""How the losses are computed: blocks of distances, buckets, windows, gradients in closed form."""
