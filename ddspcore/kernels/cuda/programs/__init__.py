"""What runs on the device, in Triton's language; importing these modules needs `triton`.

Compile-time constants are in capitals. Indices that grow with the batch are 64 bits wide.
"""
