"""What can be measured of images. Needs no tensors."""
