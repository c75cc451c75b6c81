"""Surrogates: networks that a method trains on the real set to ask them for gradients.

`trajectory` trains one and keeps it after every epoch, `selection` says which of these checkpoints
differ, `gradients` holds what real images of a class would teach there, `per_image` compares single
images with that. A surrogate is never a student of a table: its seed is its own.
"""
