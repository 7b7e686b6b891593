"""The reports of ``ocisize packages``: the packages of an image, with all bytes that belong to none of them."""
