"""Software bills of materials: the installed packages of an image as CycloneDX and SPDX."""
