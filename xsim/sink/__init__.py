"""Where outputs go while running: memory or a Zarr store, behind one small protocol."""
