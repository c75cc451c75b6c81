"""How the embedded generator and its feature network were trained: seeded, resumable, by step.

    images        the training images, rendered
    stage         what all trainings share: batches, rates, the loop; `checkpoint`, `log` and
                  `result` are its files
    autoencoder   first stage: the autoencoder, then its decoder alone
    transformer   second stage: the transformer, on latents that are encoded once (`latents`),
                  with the losses of `diffusion`
    features      the feature network, which needs neither
    gates         what the trained networks reach, in `figures`
    export        weights in half precision and a card that says where they come from
    stages        all of them by name, as `bench train-generator` runs them

This file imports nothing.
"""
